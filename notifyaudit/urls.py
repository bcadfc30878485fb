"""
The pages that links in mails lead to, the preference centre, and the watch button:
``path("notifyaudit/", include("notifyaudit.urls"))``.
"""

from django.urls import path

from notifyaudit import views
from notifyaudit.choosing import preferences, watching

app_name = "notifyaudit"

urlpatterns = [
    path("unsubscribe/<str:token>/", views.unsubscribe, name="unsubscribe"),
    path("undo/<str:token>/", views.undo, name="undo"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("preferences/<str:token>/", preferences.address_preferences, name="preferences"),
    path("watch/<str:token>/", watching.watch, name="watch"),
]
