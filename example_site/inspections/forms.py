"""What people fill in."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from example_site.inspections.models import Inspection, Photo, Section, User


def with_plain_line_breaks(text: str) -> str:
    """The text without the CRLF that browsers send: whoever saves a form unchanged has changed nothing."""
    return "\n".join(text.splitlines())


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
        return with_plain_line_breaks(self.cleaned_data["summary"])


class SectionForm(forms.ModelForm):
    class Meta:
        model = Section
        fields = ["title", "rating", "finding", "position"]
        widgets = {"finding": forms.Textarea(attrs={"rows": 5})}

    def clean_finding(self) -> str:
        return with_plain_line_breaks(self.cleaned_data["finding"])


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=1000, widget=forms.Textarea(attrs={"rows": 4}), strip=True
    )

    def clean_reason(self) -> str:
        return with_plain_line_breaks(self.cleaned_data["reason"])


class PhotoForm(forms.ModelForm):
    class Meta:
        model = Photo
        fields = ["image", "caption"]
        widgets = {"image": forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})}
