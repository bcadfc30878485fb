"""The example site's addresses: signing in and out, the inspections, and what links in mails lead to."""

from django.contrib.auth import views as auth_views
from django.urls import include, path

urlpatterns = [
    path(
        "login/",
        auth_views.LoginView.as_view(
            template_name="inspections/pages/login.html", redirect_authenticated_user=True
        ),
        name="login",
    ),
    path("logout/", auth_views.LogoutView.as_view(), name="logout"),
    path("notifyaudit/", include("notifyaudit.urls")),
    path("", include("example_site.inspections.urls")),
]
