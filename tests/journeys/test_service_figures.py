"""What whoever watches the service is told: what is open, how long stages take, which routes are asked for."""

from __future__ import annotations

import json
import logging
import re

import pytest
from prometheus_client.parser import text_string_to_metric_families

from countenance.oversight.job_states import JobKind
from countenance.oversight.parties import MACHINE, Role
from tests.galleries import Galleries, permit
from tests.offices import PASSWORD
from tests.order_gallery import document, people, register, residents, signed
from tests.served import Service, serving

pytestmark = pytest.mark.usefixtures("quick_passwords")


def figures(service: Service) -> dict[str, float]:
    """Every figure by its name and labels."""
    text = service.get("/metrics").text
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_what_is_open_in_the_gallery_is_counted_and_nobody_is_named(
    galleries: Galleries, portrait_photographs: list[bytes]
) -> None:
    gallery = galleries.new()
    gallery.oversight.people.add(MACHINE, "op", PASSWORD, roles=[Role.OPERATOR], customer_id=None)
    with serving(gallery) as service:
        operator = service.login("op", PASSWORD)
        before = figures(operator)
        assert before["countenance_subjects{}"] == before["countenance_orders_open{}"] == 0
        people(gallery, residents(1))
        permit(gallery, "xyloquist")
        gallery.enrol("xyloquist", [portrait_photographs[0]])
        gallery.identify(portrait_photographs[1], purpose="event-photos")
        register(gallery, "oaic-2021")
        gallery.orders.serve(signed("oaic-2021"))
        gallery.oversight.jobs.start(MACHINE, JobKind.MIGRATION, lambda report: {})
        after = figures(operator)
        assert after["countenance_subjects{}"] == len(residents(1)) + 1
        assert after["countenance_index_references{}"] == len(residents(1)) + 1
        assert after["countenance_orders_open{}"] == 1
        assert after["countenance_erasures_open{}"] == 0
        assert after['countenance_jobs{"state": "queued"}'] == 0
        for stage, times in {"decode": 2, "detect": 2, "template": 2, "index": 1}.items():
            assert after[f'countenance_stage_seconds_count{{"stage": "{stage}"}}'] == times, stage
        text = operator.get("/metrics").text
    assert not re.search("xyloquist|complainant|oaic", text, re.IGNORECASE)


def test_an_order_whose_deadline_has_passed_is_counted_until_it_is_met(galleries: Galleries) -> None:
    gallery = galleries.new()
    register(gallery, "oaic-2021")
    gallery.orders.serve(signed("oaic-2021"))
    assert document("oaic-2021")["obligations"], "the control: something is asked for"
    late = gallery.standing()
    assert (late.orders_open, late.orders_past_deadline) == (1, 1), "served in 2021, and it is 2027"


def test_the_log_has_the_route_as_it_is_asked_for(galleries: Galleries, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "countenance.http")
    with serving(galleries.new()) as service:
        service.get("/health/live")
        service.get("/cases/unknown")
        service.get("/register")
        service.client.get("/compat/compreface/api/v1/recognition/subjects")
        service.client.get("/nowhere")
    lines = [record.msg for record in caplog.records if isinstance(record.msg, dict)]
    routes = [line["route"] for line in lines if line.get("event") == "request"]
    assert "/v1/health/live" in routes
    assert "/v1/cases/{case}" in routes
    assert "/v1/register" in routes
    assert "/compat/compreface/..." in routes or "/compat/compreface/api/v1/recognition/subjects" in routes
    assert "(none)" in routes
