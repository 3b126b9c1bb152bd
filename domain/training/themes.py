"""What the made-up datasets are about: names, and how large each measured column usually is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Theme:
    """Names of one kind of dataset."""

    dataset: str
    classes: tuple[str, ...]
    """Five names; a dataset uses the first three to five."""
    columns: tuple[tuple[str, int], ...]
    """Eleven columns, not alphabetical, each with e: values lie around 12 times 2^e."""
    tokenizer: str

    @property
    def numeric(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.columns)


THEMES: tuple[Theme, ...] = (
    Theme(
        "support-tickets",
        ("billing", "outage", "feature", "account", "abuse"),
        (
            ("reply_hours", -1),
            ("ticket_length", 5),
            ("seats", 3),
            ("contract_value", 10),
            ("account_age_days", 6),
            ("tickets_per_month", -2),
            ("logins_per_week", 0),
            ("plan_price", 2),
            ("sentiment_score", -4),
            ("handling_minutes", 1),
            ("attachment_kb", 4),
        ),
        "ticket-bpe",
    ),
    Theme(
        "claims-triage",
        ("auto", "home", "health", "travel", "life"),
        (
            ("premium", 6),
            ("claim_amount", 9),
            ("tenure_months", 2),
            ("deductible", 5),
            ("witness_distance_m", 1),
            ("report_delay_hours", 0),
            ("claims_per_decade", -2),
            ("insured_value", 13),
            ("photo_quality", -4),
            ("distance_km", 3),
            ("age_years", 2),
        ),
        "claims-bpe",
    ),
    Theme(
        "product-returns",
        ("damaged", "wrong_item", "late", "unwanted", "fraud"),
        (
            ("price", 2),
            ("days_to_return", 0),
            ("weight_grams", 6),
            ("discount_share", -5),
            ("basket_value", 3),
            ("minutes_on_page", -1),
            ("shipping_cost", -2),
            ("orders_per_year", 1),
            ("box_volume_cm3", 9),
            ("distance_km", 5),
            ("review_length", 4),
        ),
        "returns-bpe",
    ),
    Theme(
        "clinic-intake",
        ("cardio", "derm", "ortho", "neuro", "gastro"),
        (
            ("pulse", 3),
            ("systolic", 4),
            ("age_years", 2),
            ("bmi", 1),
            ("weight_kg", 3),
            ("glucose", 4),
            ("wait_minutes", 2),
            ("visits_per_year", -2),
            ("pain_score", -1),
            ("platelets", 7),
            ("creatinine", -4),
        ),
        "intake-bpe",
    ),
)
BY_DATASET: dict[str, Theme] = {theme.dataset: theme for theme in THEMES}
