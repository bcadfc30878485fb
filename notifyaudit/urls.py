"""The pages that links in mails lead to: ``path("notifyaudit/", include("notifyaudit.urls"))``."""

from django.urls import path

from notifyaudit import views

app_name = "notifyaudit"

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("undo/<str:token>/", views.undo, name="undo"),
]
