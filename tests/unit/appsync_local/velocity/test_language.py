"""The language of templates. Expected texts follow the user guide of Velocity 1.7."""

from collections.abc import Callable

import pytest

from appsync_local.errors import ApiInvalid
from appsync_local.velocity.templates import TemplatePair

Render = Callable[[str], str]
# A list of 1,000 numbers.
MANY = "#set($many = [1..1000])"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("$ctx.args.n ${ctx.args.n}x $context.arguments.n", "2 2x 2"),
        ("[$ctx.args.nothing] [$!ctx.args.nothing] [$!{ctx.args.nothing}]", "[$ctx.args.nothing] [] []"),
        ("$unknown.name.more() ${unknown}", "$unknown.name.more() ${unknown}"),
        ("$5 & #tag #id $ # {$} $!", "$5 & #tag #id $ # {$} $!"),
        (
            "$ctx.args.list[0]$ctx.args.list[-1] $ctx.args.map['p'] $ctx.args.map[\"q\"] $ctx.args.word[x]",
            "34 1 2 abc[x]",
        ),
        ("$ctx.request.headers.x-forwarded-for $ctx.args.table-2b-dev $ctx.args.n.", "1.2.3.4 t 2."),
        ("#set($a = 1)$a-1 $a-$a ${a}-b", "1-1 1-1 1-b"),
        ("$ctx.identity.claims['cognito:groups'][0] $ctx.env.TABLE $ctx.source.id $ctx.data.a", "admin notes s1 1"),
        ("$ctx.info.fieldName $ctx.info.selectionSetList[0]", "f id"),
        ("$ctx.args.list $ctx.args.map $ctx.args.yes", "[3, 4] {p=1, q=2} true"),
        ("\\$ctx.args.n \\\\$ctx.args.n \\$unknown \\n \\#if", "$ctx.args.n \\2 \\$unknown \\n #if"),
        ("#[[ $ctx.args.n #if ]]#", " $ctx.args.n #if "),
        ("a## comment\nb#* $ctx.args.n\n *#c#** d *#", "abc"),
    ],
)
def test_references_and_text(render: Render, template: str, text: str) -> None:
    assert render(template) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        ("1 + 2 * 3 - 4", "3"),
        ("(1 + 2) * 3", "9"),
        ("7 / 2", "3"),
        ("-7 / 2", "-3"),
        ("7.0 / 2", "3.5"),
        ("7 % 3", "1"),
        ("1 / 0", "$x"),
        (".5 + 1", "1.5"),
        ('"a" + 1', "a1"),
        ('"a" + $none', "a$none"),
        ("[1..3]", "[1, 2, 3]"),
        ("[2..0]", "[2, 1, 0]"),
        ("[1, 'two', [3], {}]", "[1, two, [3], {}]"),
        ('{"a": 1, "b": {"c": [true]}}', "{a=1, b={c=[true]}}"),
        ("$ctx.args.n == 2 && $ctx.args.word == 'abc'", "true"),
        ("$ctx.args.n eq 3 or $ctx.args.n ne 2", "false"),
        ("not ($ctx.args.n > 1) || !$ctx.args.yes", "false"),
        ("1 < 2 and 2 <= 2 and 3 > 2 and 2 >= 2", "true"),
        ("1 lt 2 and 2 le 2 and 3 gt 2 and 2 ge 2", "true"),
        ("$ctx.args.n == '2'", "true"),
        ("$ctx.args.list == [3, 4]", "true"),
        ("$none == $ctx.args.nothing", "true"),
        ("$none == null", "true"),
        ("null", "$x"),
        ("'a' < 'b'", "false"),
        ('"$ctx.args.n/${ctx.args.word}-$none"', "2/abc-$none"),
        ('"#if($ctx.args.yes)yes#end!"', "yes!"),
        ("'$ctx.args.n'", "$ctx.args.n"),
        ("'it''s'", "it's"),
        ('"say ""hi"" \\"you\\""', 'say "hi" "you"'),
        ('"^\\\\d+$"', "^\\\\d+$"),
    ],
)
def test_expressions(render: Render, expression: str, text: str) -> None:
    assert render(f"#set($x = {expression})$x") == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("#if($ctx.args.n == 1)one#elseif($ctx.args.n == 2)two#{else}other#end.", "two."),
        ("#if($none)a#else#if('')b#end#if([])c#end#if(0)d#end#end", "bcd"),
        (
            "#foreach($i in ['a', 'b'])$foreach.index$foreach.count$velocityCount$i#if($foreach.hasNext),#end#end",
            "011a,122b",
        ),
        ("#foreach($i in [1..2])#foreach($j in [1..2])$i$j$foreach.parent.count #end#end", "111 121 212 222 "),
        ("#foreach($v in $ctx.args.map)$v#end#foreach($v in $none)x#end", "12"),
        ("#foreach($e in $ctx.args.map.entrySet())$e.key=$e.getValue();#{end}", "p=1;q=2;"),
        ("#foreach($i in [1..5])#if($i == 3)#break#end$i#end.", "12."),
        ("#set($i = 9)#foreach($i in [1..2])$i#end$i", "129"),
        ("#set($m = {})#set($m.a = 1)#set($m['b'] = 2)#set($m.c = {})#set($m.c.d = 3)$m", "{a=1, b=2, c={d=3}}"),
        ("#set($l = [1, 2])#set($l[0] = 5)$l", "[5, 2]"),
        ("#set($x = 1)#set($x = $none)[$!x]", "[]"),
        ("#set($ctx.args = {'n': 5})$ctx.args.n $ctx.arguments", "5 {n=5}"),
        ("#macro(hi $who $mark)Hi $who$mark#end#hi('Ann' '!') #hi(\"Bo\", '?')", "Hi Ann! Hi Bo?"),
        ("#later(1)#macro(later $n)<$n>#end#if(true)#macro(inner)in#end#end#inner()", "<1>in"),
        ("#macro(count $n)$n#if($n > 0)#count($n - 1)#end#end#count(3)", "3210"),
        ("a#stop b", "a"),
        ('#foreach($i in [1..3])$i#set($s = "#if($i == 2)#break#end")#end', "12"),
        ('#set($s = "#foreach($i in [1..3])$i#end")$s', "123"),
    ],
)
def test_directives(render: Render, template: str, text: str) -> None:
    assert render(template) == text


def test_a_directive_that_is_alone_on_its_line_leaves_no_empty_line(render: Render) -> None:
    lines = ["a", "  #set($x = 1)", "  #if($x == 1)", "b $x", "  #else", "c", "  #end"]
    loop = ["#foreach($i in [1..2])", "- $i", "#end", "d #set($y = 2)", ""]

    assert render("\n".join([*lines, *loop])) == "a\nb 1\n- 1\n- 2\nd \n"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{\n  #if($x)", "2:3: #if has no #end; add it"),
        ("#foreach($x in $y)\n", "1:1: #foreach has no #end; add it"),
        ("a #end", "1:3: #end has no #if or #foreach before it; remove it"),
        (
            "#if($x == )\n#end",
            "1:11: expected a value: a reference, string, number, list, map, true, false or null, found",
        ),
        ("#set(x = 1)", "1:6: expected a reference such as $name to set, found 'x = 1)'"),
        ("#set($x 1)", "1:9: expected '=', found '1)'"),
        ('#set($x = "a)', '1:11: expected a closing " for this string, found'),
        ("\n $ctx.args.get('a'", "2:19: expected ',' or ')', found the end of the template"),
        ("#set($ctx = {})", "1:6: $ctx cannot be set; choose another name"),
        ("#set($a.get('x') = 1)", "1:6: the result of get() cannot be set; use $util.qr to call it"),
        ("#parse('a.vtl')", "1:1: #parse is not part of AppSync's VTL: templates cannot read files; put the text here"),
        ("#evaluate($x)", "1:1: #evaluate is not part of AppSync's VTL: text cannot be evaluated as a template"),
        ("#* never ended", "1:1: expected *# at the end of this comment, found"),
        ("#set($x = " + "(" * 100 + "1" + ")" * 100 + ")", "more than 60 levels of nesting; split the template"),
        ("#if(true)" * 100, "more than 60 levels of nesting; split the template"),
        ('#set($x = "#if($y)")', "1:12: #if has no #end; add it"),
        (" " * 70_000, "AppSync accepts at most 65536 bytes in a template; this one has 70000"),
    ],
)
def test_a_template_that_is_not_valid_is_refused_with_its_place(
    pair: Callable[[str], TemplatePair], template: str, problem: str
) -> None:
    with pytest.raises(ApiInvalid) as refused:
        pair(template)

    (found,) = refused.value.problems
    assert "Query.note.response.vtl:" in found
    assert problem in found


def test_a_loop_may_have_1000_turns_and_no_more(render: Render, failure: Callable[[str], tuple[str, str]]) -> None:
    assert render(f"{MANY}#foreach($i in $many)#if($i == 1000)$i#end#end") == "1000"

    refused = failure(f"{MANY}#set($more = $many.add(1))\n #foreach($i in $many)$i#end")

    assert refused == (
        "MappingTemplate",
        "#foreach exceeds the limit of 1000 iterations in AppSync at velocity[line 2, column 2]",
    )
