"""Whatever is sent to the addresses of the description, the service answers as described and never fails."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.app.gate import Names
from isthmus.app.segmenter import Segmenter
from isthmus.app.served import load_runs
from isthmus.app.service import create_app

from .client import TOKEN

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)

schemathesis: Any = pytest.importorskip(
    "schemathesis", reason="needs schemathesis: pip install 'isthmus[fuzz]'"
)


@pytest.mark.slow
def test_the_description_holds_for_odd_requests(folders: dict[str, Path]) -> None:
    seen = Counter[tuple[str, int]]()
    checks = [getattr(schemathesis.checks, name) for name in CHECKS]
    with Segmenter(load_runs([str(folders["cells"])], device="cpu")) as segmenter:
        known = {"Authorization": f"Bearer {TOKEN}"}
        app = create_app(segmenter, TOKEN, Names({"testserver"}))
        schema = schemathesis.openapi.from_asgi("/api/openapi.json", app, headers=known)
        for operation in (found.ok() for found in schema.get_all_operations()):
            cases = operation.as_strategy()
            if operation.method == "post":
                cases |= operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)

            @given(cases, st.none() | st.binary(max_size=300))
            @settings(
                max_examples=200, suppress_health_check=list(HealthCheck), database=None, derandomize=True
            )
            def check(case: Any, body: bytes | None) -> None:
                if case.operation.method == "post" and body is not None:
                    case.body = body
                if "run" in (case.query or {}) and seen.total() % 4:  # else nearly all names are unknown
                    case.query = {**case.query, "run": "cells"}
                answer = case.call(headers=known)
                seen[case.operation.path, answer.status_code] += 1
                case.validate_response(answer, checks=checks)

            check()
    assert {path for path, _ in seen} == {"/api/health", "/api/runs", "/api/predict"}
    assert {200, 404, 422} <= {status for _, status in seen}, seen
