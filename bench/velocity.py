"""Compares engines for Velocity templates, and the same resolver as templates and as JavaScript.

    python -m bench.velocity

Installs airspeed and its fork into directories of their own, and prints two tables in Markdown: the constructs that
each engine renders as Velocity 1.7 does, what a template can reach, and the processor time of a run. Medians of five.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

from appsync_local.javascript.sandbox import EntryPoint

OURS: Final = "appsync_local"
CANDIDATES: Final = ("airspeed==0.7.1", "airspeed-ext==0.6.9")
RUNS: Final = 5
CALLS: Final = 2000
GIVE_UP: Final = 10.0  # seconds for what should be stopped
ARGUMENTS: Final = {"n": 2, "word": "abc", "map": {"p": 1, "q": 2}, "list": [3, 4], "yes": True, "nothing": None}
# A template and the text that Velocity 1.7 writes for it.
CONSTRUCTS: Final[Mapping[str, str]] = {
    "#if($ctx.args.n == 1)a#elseif($ctx.args.n == 2)b#else c#end": "b",
    "#if($ctx.args.n)x#{else}y#{end}z": "xz",
    "#if(!$ctx.args.nothing && ($ctx.args.n > 1 || false) and not false)y#end": "y",
    "#if($ctx.args.word == 'abc')y#end": "y",
    "#foreach($i in [1..3])$i$foreach.count$foreach.index#if($foreach.hasNext),#end#end": "110,221,332",
    "#foreach($i in [1..5])#if($i == 3)#break#end$i#end": "12",
    "#foreach($e in $ctx.args.map.entrySet())$e.key=$e.value;#end": "p=1;q=2;",
    "#foreach($k in $ctx.args.map.keySet())$k;#end": "p;q;",
    "#set($m = {'a': 1, 'b': [1, 2]})$m.a$m.b[1]$m.get('a')": "121",
    "#set($m = {})#set($m.x = 5)$m.x": "5",
    "#set($m = {})#set($m['y'] = 6)$m.y": "6",
    "#set($m = {})#set($x = $m.put('k', 'v'))$m": "{k=v}",
    "#set($x = (1 + 2) * 3 - 4 / 2 % 3)$x": "7",
    "#set($x = 7 / 2)$x": "3",
    '#set($s = "v: ${ctx.args.n}/$ctx.args.list[0] #if(true)t#end")$s': "v: 2/3 t",
    "#set($s = 'v: ${ctx.args.n}')$s": "v: ${ctx.args.n}",
    "#macro(hi $who)hi $who#end#hi('ann')": "hi ann",
    "#[[ $ctx.args.n #if ]]#": " $ctx.args.n #if ",
    "a## c\n#* x *#b": "ab",
    "a#stop b": "a",
    "a\n  #set($x = 1)\nb": "a\nb",
    "${ctx.args.n}x $ctx.args.n.": "2x 2.",
    "[$!ctx.args.nothing][$!{ctx.args.nothing}]": "[][]",
    "[$ctx.args.nothing]": "[$ctx.args.nothing]",
    "\\$ctx.args.n \\\\$ctx.args.n": "$ctx.args.n \\2",
    "$5 & #tag $": "$5 & #tag $",
    "$ctx.args.yes": "true",
    "$ctx.args.map.size()$ctx.args.list.size()": "22",
    "$ctx.args.word.substring(1).toUpperCase().replace('B', 'z')": "zC",
    "$ctx.args.list.contains(3) $ctx.args.map.containsKey('p')": "true true",
}
REACH: Final = "$ctx.args.word.__class__.__mro__"
ENDLESS: Final = "#foreach($a in [1..900])#foreach($b in [1..900])#foreach($c in [1..900])x#end#end#end"
RESOLVER: Final = """#set($values = {})
#foreach($entry in $ctx.args.map.entrySet())
  #if($entry.value > 0)
    #set($values[$entry.key] = {"N": $entry.value})
  #end
#end
{
  "version": "2018-05-29", "operation": "PutItem",
  "key": { "id": $util.dynamodb.toDynamoDBJson($ctx.args.word) },
  "attributeValues": $util.toJson($values)
}"""
RESPONSE: Final = "#if($ctx.error)$util.error($ctx.error.message, $ctx.error.type)#end\n$util.toJson($ctx.result)"
CODE: Final = """import { util } from "@aws-appsync/utils";
export function request(ctx) {
  const values = {};
  for (const [key, value] of Object.entries(ctx.args.map)) {
    if (value > 0) values[key] = { N: value };
  }
  return { operation: "PutItem", key: { id: util.dynamodb.toDynamoDB(ctx.args.word) }, attributeValues: values };
}
export function response(ctx) {
  if (ctx.error) util.error(ctx.error.message, ctx.error.type);
  return ctx.result;
}
"""
RESULT: Final = {"items": [{"id": str(n), "title": "t" * 40, "n": n} for n in range(20)]}

Render = Callable[[str], Callable[[], str]]


def ours(folder: Path) -> Render:
    """Renders with the engine: the message about text that is not JSON contains the text."""
    from appsync_local.velocity.templates import Around, TemplatePair

    own = json.dumps({"arguments": ARGUMENTS, "stash": {}, "prev": None})

    def load(template: str) -> Callable[[], str]:
        path = folder / "template.vtl"
        path.write_text(f"|{template}", encoding="utf-8")
        pair = TemplatePair(None, path, Around.PIPELINE, "bench")

        def render() -> str:
            message: str = pair.call("response", own, "{}", None).body["message"]
            return message.removeprefix("Unable to convert |").removesuffix(" to Object.")

        return render

    return load


def theirs(_folder: Path) -> Render:
    """Renders with airspeed, or with the fork: both have this name."""
    import airspeed  # type: ignore[import-not-found]  # installed by the bench itself

    def load(template: str) -> Callable[[], str]:
        loaded = airspeed.Template(template)
        return lambda: str(loaded.merge({"ctx": {"args": json.loads(json.dumps(ARGUMENTS))}}))

    return load


def cost(call: Callable[[], object]) -> float:
    """Microseconds of processor time of a call."""
    for _ in range(CALLS // 4):
        call()
    began = time.process_time()
    for _ in range(CALLS):
        call()
    return (time.process_time() - began) / CALLS * 1e6


def constructs(render: Render) -> dict[str, object]:
    """Whether each construct is rendered as Velocity 1.7 does, and whether a template reaches Python."""

    def rendered(template: str) -> str:
        try:
            return render(template)()
        except Exception as error:  # each engine raises its own type
            return type(error).__name__

    right = [template for template, text in CONSTRUCTS.items() if rendered(template) == text]
    return {"right": len(right), "reaches": "class" in rendered(REACH).replace("__class__", "")}


def endless(render: Render) -> dict[str, object]:
    """How a template with very many turns ends."""
    try:
        render(ENDLESS)()
    except Exception as error:  # each engine raises its own type
        return {"ended": str(error).split(": ", 1)[-1]}
    return {"ended": "by itself"}


def speed(render: Render) -> dict[str, object]:
    """Processor time of loading and of rendering a small template that both can."""
    template = "#foreach($i in [1..3])#if($i > 1)$i#end#end ${ctx.args.word} $ctx.args.list[0]"
    return {"cost": cost(render(template))}


def child(candidate: str, folder: Path, what: str) -> dict[str, Any]:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "bench.velocity", what, candidate, str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIVE_UP, check=True)  # noqa: S603
    except subprocess.TimeoutExpired:
        return {"ended": f"not within {GIVE_UP:g} s"}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compared(folder: Path) -> list[tuple[str, float, float]]:
    """The processor time of each handler of the same resolver, as templates and as JavaScript."""
    from appsync_local.javascript.script import Script
    from appsync_local.velocity.templates import Around, TemplatePair

    files = {"request.vtl": RESOLVER, "response.vtl": RESPONSE, "code.js": CODE}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    templates = TemplatePair(folder / "request.vtl", folder / "response.vtl", Around.UNIT, "bench")
    script = Script(folder / "code.js")
    own = json.dumps({"arguments": ARGUMENTS, "source": None, "stash": {}, "prev": None})
    answered = json.dumps({"arguments": ARGUMENTS, "source": None, "stash": {}, "prev": None, "result": RESULT})
    found: list[tuple[str, float, float]] = []
    entries: tuple[tuple[EntryPoint, str], ...] = (("request", own), ("response", answered))
    for entry, given in entries:
        calls = [partial(it.call, entry, given, "{}", None) for it in (templates, script)]
        pairs = [[cost(call) for call in calls] for _ in range(RUNS)]
        template, code = (statistics.median(times) for times in zip(*pairs, strict=True))
        found.append((entry, template, code))
    return found


def row(name: str, cells: list[str]) -> None:
    sys.stdout.write(f"| {name} | {' | '.join(cells)} |\n")


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folders = {OURS: root / OURS}
        for candidate in CANDIDATES:
            folders[candidate] = root / candidate.split("==", 1)[0]
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(folders[candidate]), candidate]
            subprocess.run(pip, capture_output=True, check=True)  # noqa: S603
        folders[OURS].mkdir()
        row("", [*folders])
        row("---", ["---"] * len(folders))
        results = {candidate: child(candidate, folder, "constructs") for candidate, folder in folders.items()}
        row("constructs rendered as by Velocity 1.7", [f"{r['right']} of {len(CONSTRUCTS)}" for r in results.values()])
        row("a template reads attributes of Python", ["yes" if r["reaches"] else "no" for r in results.values()])
        row("729 million turns end", [child(c, f, "endless")["ended"] for c, f in folders.items()])
        costs = [statistics.median(child(c, f, "speed")["cost"] for _ in range(RUNS)) for c, f in folders.items()]
        row("a small template", [f"{it:.1f} µs" for it in costs])
        sys.stdout.write("\n")
        row("", ["templates", "JavaScript", "ratio"])
        row("---", ["---"] * 3)
        for entry, template, script in compared(root):
            row(entry, [f"{template:.1f} µs", f"{script:.1f} µs", f"**{template / script:.2f} ×**"])


if __name__ == "__main__":
    if len(sys.argv) == 1:
        main()
    else:
        what, candidate, folder = sys.argv[1:]
        sys.path.insert(0, folder)
        render = (ours if candidate == OURS else theirs)(Path(folder))
        measurements = {"constructs": constructs, "endless": endless, "speed": speed}
        sys.stdout.write(json.dumps(measurements[what](render)) + "\n")
