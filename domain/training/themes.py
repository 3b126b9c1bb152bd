"""What the made-up datasets are about: names, and how large each measured column usually is."""

from __future__ import annotations

from dataclasses import dataclass

from domain.training.style import SeedSplit


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


_TRAIN = (
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
_VALIDATION = (
    Theme(
        "loan-review",
        ("approve", "documents", "decline", "counteroffer", "escalate"),
        (
            ("income", 9),
            ("debt_ratio", -4),
            ("age_of_file_days", 3),
            ("open_credits", -1),
            ("requested_amount", 11),
            ("months_employed", 3),
            ("late_payments", -2),
            ("savings", 8),
            ("households", -3),
            ("valuation", 12),
            ("interview_minutes", 2),
        ),
        "loan-wp",
    ),
    Theme(
        "fleet-repair",
        ("engine", "brakes", "bodywork", "electrics", "tyres"),
        (
            ("mileage_km", 12),
            ("engine_temp", 3),
            ("age_months", 3),
            ("oil_level", -3),
            ("battery_volts", 0),
            ("trips_per_day", -1),
            ("load_kg", 6),
            ("brake_wear", -4),
            ("vibration_hz", 4),
            ("idle_minutes", 1),
            ("fuel_rate", -1),
        ),
        "fleet-wp",
    ),
)
_TEST = (
    Theme(
        "crop-inspection",
        ("rust", "blight", "mildew", "sound", "scab"),
        (
            ("leaf_area", 4),
            ("soil_ph", -1),
            ("moisture", 1),
            ("rain_mm", 2),
            ("altitude_m", 6),
            ("canopy_temp", 1),
            ("plant_height_cm", 3),
            ("spots_per_leaf", -2),
            ("nitrogen", -3),
            ("days_since_spray", 0),
            ("wind_kmh", 0),
        ),
        "crop-sp",
    ),
    Theme(
        "library-requests",
        ("loan_desk", "archive", "acquisition", "interlibrary", "digitising"),
        (
            ("pages", 4),
            ("year_offset", 2),
            ("copies", -3),
            ("requests_per_month", -1),
            ("shelf_distance_m", 3),
            ("patron_age", 2),
            ("wait_days", 0),
            ("fee", -2),
            ("catalogue_score", -4),
            ("title_length", 1),
            ("digit_share", -5),
        ),
        "library-sp",
    ),
    Theme(
        "port-customs",
        ("clear", "inspect", "hold", "reroute", "return_cargo"),
        (
            ("weight_tonnes", 2),
            ("declared_value", 10),
            ("transit_days", 0),
            ("seal_count", -2),
            ("container_age", -1),
            ("draft_m", -1),
            ("distance_nm", 8),
            ("documents", -2),
            ("tariff_rate", -4),
            ("crew", 1),
            ("humidity", 2),
        ),
        "customs-sp",
    ),
)
THEMES: dict[SeedSplit, tuple[Theme, ...]] = {"train": _TRAIN, "validation": _VALIDATION, "test": _TEST}
"""The themes of each split of seeds."""
BY_DATASET: dict[str, Theme] = {theme.dataset: theme for themes in THEMES.values() for theme in themes}
