"""What users of commit 28c1025 could name: commands with their options, recipe keys, registered names, public names."""

import importlib
import json

import typer

from isthmus.cli.main import app
from isthmus.networks import list_models
from isthmus.runs.recipe import Recipe


def commands(command, path=()):
    if hasattr(command, "commands"):
        for name, part in command.commands.items():
            yield from commands(part, (*path, name))
    else:
        options = [
            name
            for p in command.params
            if p.param_type_name == "option"
            for name in (*p.opts, *p.secondary_opts)
        ]
        yield " ".join(path), sorted(o for o in options if o.startswith("--"))


def keys(model, path=()):
    for name, field in model.model_fields.items():
        kinds = [field.annotation, *getattr(field.annotation, "__args__", ())]
        parts = [k for k in kinds if hasattr(k, "model_fields")]
        if parts:
            yield from keys(parts[0], (*path, name))
        else:
            yield ".".join((*path, name))


surface = {
    "commands": dict(commands(typer.main.get_command(app))),
    "recipe": sorted(keys(Recipe)),
    "models": sorted(list_models()),
    "public": {
        name: sorted(importlib.import_module(name).__all__)
        for name in (
            "isthmus",
            "isthmus.metrics",
            "isthmus.networks",
            "isthmus.objectives",
            "isthmus.statistics",
        )
    },
}
print(json.dumps(surface, indent=1))
