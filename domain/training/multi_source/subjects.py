"""What the made-up data are about: names of classes, columns with their units and ranges, sources. Static data, by split of seeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from domain.training.style import SeedSplit

UNITS: dict[str, dict[str, float]] = {
    "mass": {"kg": 1.0, "lb": 2.205},
    "load": {"t": 1.0, "kg": 1000.0},
    "distance": {"km": 1.0, "mi": 0.6214},
    "height": {"m": 1.0, "ft": 3.281},
    "duration": {"h": 1.0, "min": 60.0},
    "age": {"d": 1.0, "h": 24.0, "week": 0.1429},
    "money": {"eur": 1.0, "keur": 0.001, "cent": 100.0},
    "share": {"fraction": 1.0, "percent": 100.0},
    "volume": {"l": 1.0, "gal": 0.2642},
    "size": {"mb": 1.0, "kb": 1000.0},
    "speed": {"km/h": 1.0, "m/s": 0.2778, "mph": 0.6214},
}
"""Quantity to its units, each with how many of it make one of the first."""


class Measure(NamedTuple):
    """One numeric column of a subject; numbers are in the first unit of its quantity."""

    name: str
    quantity: str
    low: float
    """No value lies below it."""
    typical: float
    """The mean, about."""
    high: float
    """No value lies above it."""
    evenness: float = 1.0
    """How many times as narrow as usual the values lie around the mean."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What the data of some runs are about."""

    dataset: str
    classes: tuple[str, ...]
    """Five names; a dataset uses the first three to five."""
    columns: tuple[Measure, ...]
    """Nine columns."""
    vendor: str
    """Beginning of the names of its tables."""


_TRAIN = (
    Subject(
        "parcel-claims",
        ("lost", "damaged", "delayed", "misrouted", "refused"),
        (
            Measure("parcel_weight", "mass", 0.05, 4.5, 32.0),
            Measure("route_length", "distance", 2.0, 260.0, 1200.0),
            Measure("declared_value", "money", 2.0, 140.0, 700.0),
            Measure("depot_wait", "duration", 0.1, 16.0, 80.0),
            Measure("scan_gap", "duration", 0.05, 7.0, 40.0),
            Measure("fill_grade", "share", 0.01, 0.42, 0.99),
            Measure("box_volume", "volume", 0.5, 45.0, 250.0),
            Measure("sender_age", "age", 5.0, 900.0, 4000.0),
            Measure("photo_size", "size", 0.1, 5.0, 30.0),
        ),
        "claims",
    ),
    Subject(
        "pump-service",
        ("seal", "bearing", "motor", "cavitation", "sensor"),
        (
            Measure("flow_loss", "volume", 0.3, 30.0, 150.0),
            Measure("run_time", "duration", 1.0, 240.0, 1200.0),
            Measure("lift_height", "height", 0.3, 22.0, 100.0),
            Measure("rotor_mass", "mass", 4.0, 110.0, 480.0),
            Measure("duty_share", "share", 0.01, 0.4, 0.99),
            Measure("since_service", "age", 1.0, 190.0, 900.0),
            Measure("repair_cost", "money", 10.0, 550.0, 2600.0),
            Measure("pipe_length", "distance", 0.03, 3.2, 16.0),
            Measure("tip_speed", "speed", 5.0, 110.0, 420.0),
        ),
        "pumps",
    ),
    Subject(
        "grid-complaints",
        ("outage", "billing", "meter", "voltage", "contract"),
        (
            Measure("line_length", "distance", 0.2, 18.0, 90.0),
            Measure("last_bill", "money", 3.0, 180.0, 900.0),
            Measure("time_to_call", "duration", 0.1, 20.0, 100.0),
            Measure("contract_age", "age", 8.0, 1500.0, 6500.0),
            Measure("night_share", "share", 0.01, 0.35, 0.98),
            Measure("pole_height", "height", 3.0, 9.0, 25.0),
            Measure("export_size", "size", 0.2, 18.0, 90.0),
            Measure("repair_time", "duration", 0.1, 6.0, 30.0),
            Measure("wind_speed", "speed", 0.5, 35.0, 150.0),
        ),
        "grid",
    ),
    Subject(
        "fleet-incidents",
        ("tyre", "brake", "engine", "collision", "theft"),
        (
            Measure("trip_length", "distance", 1.0, 120.0, 600.0),
            Measure("load", "load", 0.2, 11.0, 40.0),
            Measure("driving_time", "duration", 0.1, 6.0, 20.0),
            Measure("fuel_used", "volume", 0.5, 42.0, 220.0),
            Measure("idle_share", "share", 0.005, 0.3, 0.98),
            Measure("vehicle_age", "age", 20.0, 2600.0, 9900.0),
            Measure("damage", "money", 30.0, 2200.0, 9900.0),
            Measure("mean_speed", "speed", 2.0, 52.0, 130.0),
            Measure("video_size", "size", 3.0, 280.0, 1400.0),
        ),
        "fleet",
    ),
    Subject(
        "harvest-grading",
        ("export", "market", "juice", "feed", "reject"),
        (
            Measure("crate_weight", "mass", 0.3, 14.0, 60.0),
            Measure("orchard_height", "height", 5.0, 320.0, 1500.0),
            Measure("storage_time", "age", 0.5, 60.0, 300.0),
            Measure("haul_length", "distance", 0.2, 36.0, 180.0),
            Measure("bruise_share", "share", 0.002, 0.15, 0.95),
            Measure("water_used", "volume", 1.0, 140.0, 700.0),
            Measure("price", "money", 0.3, 14.0, 70.0),
            Measure("picking_time", "duration", 0.05, 4.5, 16.0),
            Measure("scan_size", "size", 0.4, 36.0, 180.0),
        ),
        "harvest",
    ),
    Subject(
        "clinic-visits",
        ("acute", "control", "vaccination", "referral", "advice"),
        (
            Measure("body_mass", "mass", 3.0, 66.0, 190.0),
            Measure("waiting_time", "duration", 0.02, 0.8, 5.0),
            Measure("travel", "distance", 0.2, 16.0, 90.0),
            Measure("since_last_visit", "age", 1.0, 240.0, 1300.0),
            Measure("fee", "money", 2.0, 90.0, 450.0),
            Measure("body_height", "height", 0.45, 1.45, 2.2, 2.0),
            Measure("covered_share", "share", 0.01, 0.42, 0.99),
            Measure("file_size", "size", 0.3, 24.0, 120.0),
            Measure("consultation", "duration", 0.02, 0.35, 2.0),
        ),
        "visits",
    ),
)
_VALIDATION = (
    Subject(
        "kiln-batches",
        ("sound", "cracked", "warped", "stained", "underfired"),
        (
            Measure("batch_mass", "load", 0.2, 7.0, 32.0),
            Measure("firing_time", "duration", 1.0, 40.0, 160.0),
            Measure("shelf_height", "height", 0.2, 1.4, 6.0),
            Measure("gas_used", "volume", 10.0, 560.0, 2800.0),
            Measure("energy_cost", "money", 20.0, 1100.0, 5500.0),
            Measure("glaze_share", "share", 0.002, 0.12, 0.9),
            Measure("clay_age", "age", 2.0, 120.0, 600.0),
            Measure("draught", "speed", 0.2, 12.0, 60.0),
            Measure("log_size", "size", 0.2, 18.0, 90.0),
        ),
        "kiln",
    ),
    Subject(
        "ferry-boardings",
        ("ontime", "late", "cancelled", "overbooked", "diverted"),
        (
            Measure("freight", "load", 3.0, 150.0, 700.0),
            Measure("crossing", "distance", 1.0, 70.0, 350.0),
            Measure("boarding_time", "duration", 0.03, 1.1, 6.0),
            Measure("wave_height", "height", 0.05, 1.8, 9.0),
            Measure("headwind", "speed", 0.5, 30.0, 150.0),
            Measure("ticket_price", "money", 2.0, 64.0, 320.0),
            Measure("pass_share", "share", 0.01, 0.38, 0.98),
            Measure("booked_before", "age", 0.3, 60.0, 330.0),
            Measure("fuel_burnt", "volume", 40.0, 2300.0, 9900.0),
        ),
        "ferry",
    ),
    Subject(
        "rental-returns",
        ("clean", "dirty", "dented", "overdue", "missing_part"),
        (
            Measure("distance_driven", "distance", 5.0, 480.0, 2400.0),
            Measure("rental_time", "age", 0.3, 9.0, 45.0),
            Measure("deposit", "money", 30.0, 700.0, 3500.0),
            Measure("tank_left", "volume", 0.5, 28.0, 90.0),
            Measure("luggage", "mass", 0.5, 38.0, 190.0),
            Measure("city_share", "share", 0.01, 0.42, 0.99),
            Measure("roof_height", "height", 1.0, 1.75, 3.2, 2.0),
            Measure("handover_time", "duration", 0.02, 0.4, 2.5),
            Measure("photo_size", "size", 0.1, 6.0, 30.0),
        ),
        "rental",
    ),
    Subject(
        "mast-alarms",
        ("power", "antenna", "cooling", "link", "intrusion"),
        (
            Measure("mast_height", "height", 5.0, 45.0, 220.0),
            Measure("cable_length", "distance", 0.02, 0.9, 5.0),
            Measure("battery_time", "duration", 0.2, 14.0, 80.0),
            Measure("gust", "speed", 3.0, 60.0, 230.0),
            Measure("site_cost", "money", 40.0, 2300.0, 9900.0),
            Measure("uptime_share", "share", 0.02, 0.55, 0.999),
            Measure("since_visit", "age", 1.0, 150.0, 800.0),
            Measure("rig_mass", "load", 0.1, 4.5, 22.0),
            Measure("dump_size", "size", 2.0, 140.0, 700.0),
        ),
        "mast",
    ),
)
_TEST = (
    Subject(
        "quarry-loads",
        ("gravel", "sand", "block", "rubble", "clay_mix"),
        (
            Measure("truck_load", "load", 2.0, 60.0, 260.0),
            Measure("haul", "distance", 0.2, 18.0, 90.0),
            Measure("cut_depth", "height", 0.2, 12.0, 60.0),
            Measure("drill_time", "duration", 0.2, 16.0, 80.0),
            Measure("moisture", "share", 0.002, 0.12, 0.9),
            Measure("water_pumped", "volume", 20.0, 1150.0, 5500.0),
            Measure("royalty", "money", 0.5, 32.0, 160.0),
            Measure("face_age", "age", 3.0, 400.0, 2200.0),
            Measure("survey_size", "size", 5.0, 280.0, 1400.0),
        ),
        "quarry",
    ),
    Subject(
        "ski-rescues",
        ("knee", "shoulder", "head", "exhaustion", "avalanche"),
        (
            Measure("slope_speed", "speed", 2.0, 45.0, 140.0),
            Measure("start_height", "height", 150.0, 2100.0, 4200.0, 2.0),
            Measure("rescue_time", "duration", 0.1, 2.2, 12.0),
            Measure("pass_price", "money", 5.0, 110.0, 500.0),
            Measure("gear_mass", "mass", 0.3, 14.0, 60.0),
            Measure("track", "distance", 0.1, 7.0, 36.0),
            Measure("fresh_snow_share", "share", 0.005, 0.35, 0.98),
            Measure("pass_age", "age", 0.3, 40.0, 200.0),
            Measure("radio_log", "size", 0.05, 4.5, 24.0),
        ),
        "rescue",
    ),
    Subject(
        "brew-tastings",
        ("balanced", "sour", "flat", "bitter", "oxidised"),
        (
            Measure("malt", "mass", 4.0, 150.0, 700.0),
            Measure("boil_time", "duration", 0.1, 1.4, 6.0),
            Measure("batch_volume", "volume", 40.0, 1800.0, 9000.0),
            Measure("ageing", "age", 1.0, 60.0, 330.0),
            Measure("cask_height", "height", 0.15, 1.1, 3.5),
            Measure("hop_cost", "money", 2.0, 70.0, 350.0),
            Measure("rye_share", "share", 0.003, 0.22, 0.95),
            Measure("delivery", "distance", 2.0, 120.0, 600.0),
            Measure("sheet_size", "size", 0.03, 0.9, 5.0),
        ),
        "brew",
    ),
    Subject(
        "tunnel-closures",
        ("smoke", "flood", "breakdown", "works", "object_on_road"),
        (
            Measure("tube_length", "distance", 0.05, 2.4, 14.0),
            Measure("clearance", "height", 1.8, 4.8, 12.0),
            Measure("closure_time", "duration", 0.05, 4.0, 24.0),
            Measure("pumped", "volume", 20.0, 1800.0, 9000.0),
            Measure("air_speed", "speed", 0.3, 14.0, 75.0),
            Measure("truck_share", "share", 0.004, 0.25, 0.95),
            Measure("heaviest_axle", "load", 0.4, 8.0, 30.0),
            Measure("crew_cost", "money", 10.0, 560.0, 2800.0),
            Measure("since_check", "age", 0.5, 60.0, 300.0),
        ),
        "tunnel",
    ),
)
SUBJECTS: dict[SeedSplit, tuple[Subject, ...]] = {"train": _TRAIN, "validation": _VALIDATION, "test": _TEST}
"""The subjects of each split of seeds."""

SOURCES: dict[SeedSplit, tuple[str, ...]] = {
    "train": (
        "harbour",
        "mill",
        "north",
        "annex",
        "central",
        "airport",
        "valley",
        "bridge",
        "union",
        "garden",
        "lakeside",
        "depot",
    ),
    "validation": ("campus", "station", "old_town", "ridge", "canal", "market", "tower", "coast"),
    "test": ("east_gate", "forge", "plaza", "delta", "highland", "abbey", "quay", "orchard"),
}
"""Names of sources."""
