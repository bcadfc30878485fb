"""What people fill in."""

from typing import Any

from django import forms

from example_site.inspections.models import Inspection, Photo, User


class InspectionForm(forms.ModelForm):
    class Meta:
        model = Inspection
        fields = ["title", "scheduled_for", "inspector", "reviewer", "summary"]
        widgets = {
            "scheduled_for": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "summary": forms.Textarea(attrs={"rows": 6}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = User.objects.filter(is_active=True).order_by("first_name", "last_name", "username")
        self.fields["inspector"].queryset = people.filter(role=User.Role.INSPECTOR)
        self.fields["reviewer"].queryset = people.filter(role=User.Role.REVIEWER)

    def clean_summary(self) -> str:
        # Browsers send CRLF: without this, whoever saves the form unchanged has changed the summary.
        return "\n".join(self.cleaned_data["summary"].splitlines())


class PhotoForm(forms.ModelForm):
    class Meta:
        model = Photo
        fields = ["image", "caption"]
        widgets = {"image": forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})}
