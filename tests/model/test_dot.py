"""DOT text, read back by a grammar of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import pytest

from multilevel.model.dot import dot
from tests.model.drawn_models import drawn_models, random_graph

MODELS = {**drawn_models(), **{f"seed {seed}": random_graph(seed) for seed in range(15)}}
TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(->|[{}\[\];,=])|([\w.]+))')


@dataclass
class Graph:
    """A graph, or a subgraph, as it was read."""

    vertices: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: list[tuple[str, str]] = field(default_factory=list)
    inside: dict[str, Graph] = field(default_factory=dict)
    attributes: dict[str, str] = field(default_factory=dict)

    def everything(self) -> list[str]:
        return [*self.vertices, *(name for one in self.inside.values() for name in one.everything())]


class Reader:
    """Reads ``digraph name { statements }``: vertices, edges, subgraphs, attributes."""

    def __init__(self, text: str) -> None:
        self.tokens, place = [], 0
        while text[place:].strip():
            match = TOKEN.match(text, place)
            assert match, text[place : place + 20]
            self.tokens.append(match[0].strip())
            place = match.end()

    def take(self, wanted: str | None = None) -> str:
        token = self.tokens.pop(0)
        assert wanted is None or token == wanted, (token, wanted)
        return re.sub(r"\\(.)", r"\1", token[1:-1]) if token.startswith('"') else token

    def read(self) -> Graph:
        self.take("digraph")
        self.take("model")
        found = self.block()
        assert not self.tokens
        return found

    def block(self) -> Graph:
        found = Graph()
        self.take("{")
        while self.tokens[0] != "}":
            if self.tokens[0] == "subgraph":
                self.take()
                name = self.take()
                found.inside[name] = self.block()
                continue
            name = self.take()
            if self.tokens[0] == "->":
                self.take()
                found.edges.append((name, self.take()))
            elif self.tokens[0] == "=":
                self.take()
                found.attributes[name] = self.take()
            else:
                found.vertices[name] = self.pairs()
            self.take(";")
        self.take("}")
        return found

    def pairs(self) -> dict[str, str]:
        found = {}
        self.take("[")
        while self.tokens[0] != "]":
            name = self.take()
            self.take("=")
            found[name] = self.take()
            if self.tokens[0] == ",":
                self.take()
        self.take("]")
        return found


@pytest.mark.parametrize("name", list(MODELS))
def test_vertices_and_edges_are_those_of_the_graph(name):
    rows = MODELS[name].quantities().rows
    found = Reader(dot(MODELS[name].quantities())).read()
    assert sorted(found.everything()) == sorted(row.name for row in rows)
    assert found.edges == [(parent, row.name) for row in rows for parent in row.parents]


def test_plates_are_clusters_inside_each_other():
    found = Reader(MODELS["apps"].draw().dot).read()
    assert list(found.inside) == ["cluster publisher", "cluster device", "cluster each row"]
    publisher = found.inside["cluster publisher"]
    assert list(publisher.vertices) == ["size", "P"]
    assert publisher.attributes == {"label": "publisher", "style": "rounded"}
    assert list(publisher.inside["cluster app"].vertices) == ["A"]


def test_roles_have_looks():
    found = Reader(MODELS["cafes"].draw().dot).read()
    cafe = found.inside["cluster cafe"]
    rows = cafe.inside["cluster each row"]
    assert found.vertices["Sigma"] == {"shape": "ellipse", "peripheries": "2"}
    assert cafe.vertices["a, b"] == {"shape": "ellipse"}
    assert rows.vertices["afternoon"]["shape"] == "box"
    assert rows.vertices["wait"]["style"] == "filled"
