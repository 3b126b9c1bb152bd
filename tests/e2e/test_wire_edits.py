"""WIRE.md, "Edits": a fix as changes of the text of the files, over every protocol that takes a diagnosis."""

from __future__ import annotations

import httpx
import pytest

from tests.e2e.playing import Json, investigated, right_diagnosis


def shown(http: httpx.Client, artifact: str, task_id: str = "easy") -> str:
    episode = investigated(http, task_id)
    body = episode.play({"action_type": "read_artifact", "artifact_name": artifact})
    text: str = body["observation"]["last_action_result"]["content"]
    return text


def edit_of(http: httpx.Client) -> tuple[Json, list[Json]]:
    """The right diagnosis of the easy task with its patch as edits, and the patch."""
    diagnosis = right_diagnosis(http, "easy")
    (entry,) = diagnosis.pop("patch")
    leaf = entry["field"].rpartition(".")[2]
    line = next(one for one in shown(http, "config.yaml").splitlines() if one.strip().startswith(f"{leaf}:"))
    comma = "," if line.endswith(",") else ""
    edit = {"file": "config.yaml", "find": line, "replace": f"{line.partition(':')[0]}: {entry['value']}{comma}"}
    return diagnosis | {"edits": [edit]}, [entry]


def fix_of(http: httpx.Client, diagnosis: Json) -> Json:
    fix: Json = investigated(http, "easy").play(diagnosis)["info"]["breakdown"]["proposed_fix"]
    return fix


def test_edits_are_read_and_judged_as_the_patch_that_they_are(http: httpx.Client) -> None:
    diagnosis, patch = edit_of(http)
    fix = fix_of(http, diagnosis)
    assert fix["read_as"] == patch
    assert (fix["awarded"], fix["verdict"]) == (0.30, "The patch gives back the run without the fault.")


def test_a_unified_diff_is_read_too(http: httpx.Client) -> None:
    diagnosis, patch = edit_of(http)
    (edit,) = diagnosis["edits"]
    diff = f"--- a/{edit['file']}\n+++ b/{edit['file']}\n@@ -1 +1 @@\n-{edit['find']}\n+{edit['replace']}\n"
    assert fix_of(http, diagnosis | {"edits": diff})["read_as"] == patch


def test_edits_that_do_not_apply_say_why(http: httpx.Client) -> None:
    diagnosis, _ = edit_of(http)
    edit = {"file": "config.yaml", "find": "no such text", "replace": "x"}
    fix = fix_of(http, {**diagnosis, "proposed_fix": None, "edits": [edit]})
    assert (fix["awarded"], fix["read_as"]) == (0.0, [])
    assert fix["verdict"] == (
        "The edits could not be read: config.yaml: the text to be replaced does not occur in the file as it is shown: "
        "`no such text`."
    )


@pytest.mark.parametrize(
    "edits",
    [
        [],
        [{"file": "config.yaml", "find": "", "replace": "x"}],
        [{"file": "config.yaml", "find": "x"}],
        [{"file": "config.yaml", "find": "x", "replace": "y", "count": 1}],
        [{"file": "config.yaml", "find": "x", "replace": "y"}] * 3,
        [{"file": "config.yaml", "find": "x" * 4001, "replace": "y"}],
        "",
        "x" * 8001,
        {"file": "config.yaml", "find": "x", "replace": "y"},
        7,
    ],
)
def test_malformed_edits_are_refused(http: httpx.Client, edits: object) -> None:
    episode = investigated(http, "easy")
    diagnosis = {"action_type": "submit_diagnosis", "edits": edits}
    response = http.post("/step", json={"episode_id": episode.id, "action": diagnosis})
    assert response.status_code == 422
    assert "edits" in response.text


def test_a_patch_beside_edits_is_refused(http: httpx.Client) -> None:
    diagnosis, patch = edit_of(http)
    episode = investigated(http, "easy")
    response = http.post("/step", json={"episode_id": episode.id, "action": diagnosis | {"patch": patch}})
    assert response.status_code == 422
    assert "give patch or edits, not both" in response.text


def test_edits_stand_in_the_recorded_diagnosis(http: httpx.Client) -> None:
    diagnosis, _ = edit_of(http)
    episode = investigated(http, "easy")
    episode.play(diagnosis)
    events = http.get(f"/episodes/{episode.id}/events").json()
    assert events[-1]["kind"] == "submit"
    (entry,) = events[-1]["payload"]["entries"]
    assert entry["diagnosis"]["edits"] == diagnosis["edits"]


def test_the_tasks_define_the_categories(http: httpx.Client) -> None:
    meanings = http.get("/tasks").json()["failure_categories"]
    assert set(meanings) == {
        "config_error",
        "data_leakage",
        "preprocessing_bug",
        "label_mismatch",
        "evaluation_bug",
        "architecture_bug",
    }
    assert all(meaning.endswith(".") for meaning in meanings.values())
