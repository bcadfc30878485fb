from example_site.urls import urlpatterns as site

urlpatterns = [*site]
