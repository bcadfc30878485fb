"""
The pages that links in mails lead to, the preference centre, the watch button, and the previews:
``path("notifyaudit/", include("notifyaudit.urls"))``.
"""

from django.urls import path

from notifyaudit import views
from notifyaudit.choosing import preferences, watching
from notifyaudit.previewing import views as previews

app_name = "notifyaudit"

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("undo/<str:token>/", views.undo, name="undo"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("preferences/<str:token>/", preferences.address_preferences, name="preferences"),
    path("previews/", previews.preview_list, name="previews"),
    # A key may hold whatever a project likes.
    path("previews/<path:key>/", previews.preview, name="preview"),
    path("watch/<str:token>/", watching.watch, name="watch"),
]
