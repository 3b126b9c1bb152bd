"""What the made-up datasets are about: names only. The order of the numeric columns matters and is not alphabetical."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """Names of one kind of dataset."""

    dataset: str
    classes: tuple[str, ...]
    """Five names; a dataset uses the first three to five."""
    numeric: tuple[str, ...]
    """Eleven column names."""
    tokenizer: str


THEMES: tuple[Theme, ...] = (
    Theme(
        "support-tickets",
        ("billing", "outage", "feature", "account", "abuse"),
        (
            "reply_time",
            "ticket_length",
            "seats",
            "contract_value",
            "account_age",
            "open_tickets",
            "logins",
            "plan_price",
            "sentiment",
            "escalations",
            "attachments",
        ),
        "ticket-bpe",
    ),
    Theme(
        "claims-triage",
        ("auto", "home", "health", "travel", "life"),
        (
            "premium",
            "claim_amount",
            "tenure",
            "deductible",
            "witnesses",
            "report_delay",
            "prior_claims",
            "insured_value",
            "photo_count",
            "distance",
            "age",
        ),
        "claims-bpe",
    ),
    Theme(
        "product-returns",
        ("damaged", "wrong_item", "late", "unwanted", "fraud"),
        (
            "price",
            "return_delay",
            "weight",
            "discount",
            "basket_size",
            "reviews_read",
            "shipping_cost",
            "orders",
            "return_rate",
            "distance",
            "box_volume",
        ),
        "returns-bpe",
    ),
    Theme(
        "clinic-intake",
        ("cardio", "derm", "ortho", "neuro", "gastro"),
        (
            "pulse",
            "systolic",
            "age",
            "temperature",
            "weight",
            "glucose",
            "wait",
            "visits",
            "pain_score",
            "height",
            "creatinine",
        ),
        "intake-bpe",
    ),
)
BY_DATASET: dict[str, Theme] = {theme.dataset: theme for theme in THEMES}
