"""What the made-up warehouses are about: names of classes, columns with their units, sources. Static data, by split of seeds."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Subject:
    """Names of one kind of warehouse."""

    dataset: str
    classes: tuple[str, ...]
    """Five names; a dataset uses the first three to five."""
    columns: tuple[tuple[str, str, int], ...]
    """Nine columns: name, quantity, e; values lie around a few times 2^e in the first unit of the quantity."""
    vendor: str
    """Beginning of the names of its tables."""


_TRAIN = (
    Subject(
        "parcel-claims",
        ("lost", "damaged", "delayed", "misrouted", "refused"),
        (
            ("parcel_weight", "mass", 0),
            ("route_length", "distance", 6),
            ("declared_value", "money", 5),
            ("depot_wait", "duration", 2),
            ("scan_gap", "duration", 1),
            ("fill_grade", "share", -3),
            ("box_volume", "volume", 4),
            ("sender_age", "age", 8),
            ("photo_size", "size", 1),
        ),
        "claims",
    ),
    Subject(
        "pump-service",
        ("seal", "bearing", "motor", "cavitation", "sensor"),
        (
            ("flow_loss", "volume", 3),
            ("run_time", "duration", 6),
            ("lift_height", "height", 3),
            ("rotor_mass", "mass", 5),
            ("duty_share", "share", -2),
            ("since_service", "age", 6),
            ("repair_cost", "money", 7),
            ("pipe_length", "distance", 0),
            ("tip_speed", "speed", 5),
        ),
        "pumps",
    ),
    Subject(
        "grid-complaints",
        ("outage", "billing", "meter", "voltage", "contract"),
        (
            ("line_length", "distance", 2),
            ("last_bill", "money", 6),
            ("time_to_call", "duration", 3),
            ("contract_age", "age", 9),
            ("night_share", "share", -2),
            ("pole_height", "height", 3),
            ("export_size", "size", 2),
            ("repair_time", "duration", 1),
            ("wind_speed", "speed", 4),
        ),
        "grid",
    ),
    Subject(
        "fleet-incidents",
        ("tyre", "brake", "engine", "collision", "theft"),
        (
            ("trip_length", "distance", 5),
            ("load", "load", 2),
            ("driving_time", "duration", 2),
            ("fuel_used", "volume", 4),
            ("idle_share", "share", -3),
            ("vehicle_age", "age", 10),
            ("damage", "money", 9),
            ("mean_speed", "speed", 5),
            ("video_size", "size", 6),
        ),
        "fleet",
    ),
    Subject(
        "harvest-grading",
        ("export", "market", "juice", "feed", "reject"),
        (
            ("crate_weight", "mass", 3),
            ("orchard_height", "height", 7),
            ("storage_time", "age", 4),
            ("haul_length", "distance", 3),
            ("bruise_share", "share", -4),
            ("water_used", "volume", 5),
            ("price", "money", 1),
            ("picking_time", "duration", 0),
            ("scan_size", "size", 3),
        ),
        "harvest",
    ),
    Subject(
        "clinic-visits",
        ("acute", "control", "vaccination", "referral", "advice"),
        (
            ("body_mass", "mass", 6),
            ("waiting_time", "duration", 0),
            ("travel", "distance", 3),
            ("since_last_visit", "age", 7),
            ("fee", "money", 5),
            ("body_height", "height", 1),
            ("covered_share", "share", -1),
            ("file_size", "size", 4),
            ("consultation", "duration", -1),
        ),
        "visits",
    ),
)
_VALIDATION = (
    Subject(
        "kiln-batches",
        ("sound", "cracked", "warped", "stained", "underfired"),
        (
            ("batch_mass", "load", 1),
            ("firing_time", "duration", 4),
            ("shelf_height", "height", 0),
            ("gas_used", "volume", 7),
            ("energy_cost", "money", 8),
            ("glaze_share", "share", -4),
            ("clay_age", "age", 5),
            ("draught", "speed", 2),
            ("log_size", "size", 2),
        ),
        "kiln",
    ),
    Subject(
        "ferry-boardings",
        ("ontime", "late", "cancelled", "overbooked", "diverted"),
        (
            ("freight", "load", 5),
            ("crossing", "distance", 4),
            ("boarding_time", "duration", 0),
            ("wave_height", "height", 1),
            ("headwind", "speed", 4),
            ("ticket_price", "money", 4),
            ("pass_share", "share", -2),
            ("booked_before", "age", 5),
            ("fuel_burnt", "volume", 9),
        ),
        "ferry",
    ),
    Subject(
        "rental-returns",
        ("clean", "dirty", "dented", "overdue", "missing_part"),
        (
            ("distance_driven", "distance", 7),
            ("rental_time", "age", 2),
            ("deposit", "money", 8),
            ("tank_left", "volume", 5),
            ("luggage", "mass", 4),
            ("city_share", "share", -1),
            ("roof_height", "height", 1),
            ("handover_time", "duration", -1),
            ("photo_size", "size", 3),
        ),
        "rental",
    ),
    Subject(
        "mast-alarms",
        ("power", "antenna", "cooling", "link", "intrusion"),
        (
            ("mast_height", "height", 5),
            ("cable_length", "distance", -1),
            ("battery_time", "duration", 3),
            ("gust", "speed", 5),
            ("site_cost", "money", 9),
            ("uptime_share", "share", -1),
            ("since_visit", "age", 6),
            ("rig_mass", "load", 0),
            ("dump_size", "size", 5),
        ),
        "mast",
    ),
)
_TEST = (
    Subject(
        "quarry-loads",
        ("gravel", "sand", "block", "rubble", "clay_mix"),
        (
            ("truck_load", "load", 4),
            ("haul", "distance", 4),
            ("cut_depth", "height", 3),
            ("drill_time", "duration", 3),
            ("moisture", "share", -4),
            ("water_pumped", "volume", 8),
            ("royalty", "money", 3),
            ("face_age", "age", 7),
            ("survey_size", "size", 6),
        ),
        "quarry",
    ),
    Subject(
        "ski-rescues",
        ("knee", "shoulder", "head", "exhaustion", "avalanche"),
        (
            ("slope_speed", "speed", 5),
            ("start_height", "height", 10),
            ("rescue_time", "duration", 0),
            ("pass_price", "money", 5),
            ("gear_mass", "mass", 3),
            ("track", "distance", 2),
            ("fresh_snow_share", "share", -2),
            ("pass_age", "age", 2),
            ("radio_log", "size", 0),
        ),
        "rescue",
    ),
    Subject(
        "brew-tastings",
        ("balanced", "sour", "flat", "bitter", "oxidised"),
        (
            ("malt", "mass", 5),
            ("boil_time", "duration", 1),
            ("batch_volume", "volume", 9),
            ("ageing", "age", 5),
            ("cask_height", "height", 1),
            ("hop_cost", "money", 4),
            ("rye_share", "share", -3),
            ("delivery", "distance", 5),
            ("sheet_size", "size", -1),
        ),
        "brew",
    ),
    Subject(
        "tunnel-closures",
        ("smoke", "flood", "breakdown", "works", "object_on_road"),
        (
            ("tube_length", "distance", 1),
            ("clearance", "height", 2),
            ("closure_time", "duration", 1),
            ("pumped", "volume", 10),
            ("air_speed", "speed", 3),
            ("truck_share", "share", -2),
            ("heaviest_axle", "load", 3),
            ("crew_cost", "money", 7),
            ("since_check", "age", 4),
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
