"""The Java methods that templates call. Expected texts are those of Java SE 8."""

from collections.abc import Callable

import pytest

Render = Callable[[str], str]
LIST = "#set($l = ['a', 'b', 'c'])"
MAP = "#set($m = {'a': 1, 'b': 2})"


@pytest.mark.parametrize(
    ("owner", "call", "text"),
    [
        ("'abc'", "length()", "3"),
        ("'a,b,,c,,'", "split(',')", "[a, b, , c]"),
        ("'abc'", "split('')", "[a, b, c]"),
        ("'a1b22c'", "split('\\d+', 2)", "[a, b22c]"),
        ("'ABC'", "toLowerCase().concat('d')", "abcd"),
        ("' abc '", "trim().toUpperCase()", "ABC"),
        ("'abcabc'", "replace('b', '.')", "a.ca.c"),
        ("'a1b2'", "replaceAll('[0-9]', '#')", "a#b#"),
        ("'a1b2'", "replaceFirst('([a-z])(\\d)', '$2$1')", "1ab2"),
        ("'abc'", "substring(1)", "bc"),
        ("'abc'", "substring(1, 2)", "b"),
        ("'abcb'", "indexOf('b')", "1"),
        ("'abcb'", "lastIndexOf('b')", "3"),
        ("'abc'", "contains('bc')", "true"),
        ("'abc'", "startsWith('ab')", "true"),
        ("'abc'", "endsWith('ab')", "false"),
        ("'abc'", "equals('abc')", "true"),
        ("'1'", "equals(1)", "false"),
        ("'ABC'", "equalsIgnoreCase('abc')", "true"),
        ("'a'", "compareTo('b')", "-1"),
        ("'abc'", "matches('[a-c]+')", "true"),
        ("'abcd'", "matches('[a-c]+')", "false"),
        ("''", "isEmpty()", "true"),
        ("'abc'", "charAt(1)", "b"),
        ("'abc'", "hashCode()", "96354"),
        ("''", "join('-', ['a', 'b'])", "a-b"),
        ("''", "valueOf(5)", "5"),
        ("0", "parseInt('42')", "42"),
        ("0", "parseDouble('2.5')", "2.5"),
        ("7.5", "intValue()", "7"),
        ("5", "toString().length()", "1"),
        ("true", "toString()", "true"),
        ("true", "parseBoolean('TRUE')", "true"),
    ],
)
def test_methods_of_strings_numbers_and_booleans(render: Render, owner: str, call: str, text: str) -> None:
    assert render(f"#set($x = {owner})$x.{call}") == text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("$l.add('d') $l", "true [a, b, c, d]"),
        ("$l.add(1, 'x')$l", "[a, x, b, c]"),
        ("$l.addAll(['d', 'e']) $l", "true [a, b, c, d, e]"),
        ("$l.get(1) $l.size() $l.isEmpty() $l.empty", "b 3 false false"),
        ("$l.contains('b') $l.contains('x') $l.containsAll(['a', 'b'])", "true false true"),
        ("$l.indexOf('c') $l.indexOf('x')", "2 -1"),
        ("$l.remove(0) $l.remove('c') $l.remove('x') $l", "a true false [b]"),
        ("$l.removeAll(['a']) $l $l.retainAll(['b']) $l", "true [b, c] true [b]"),
        ("$l.set(0, 'z') $l", "a [z, b, c]"),
        ("$l.subList(1, 3)", "[b, c]"),
        ("$l.clear()$l.size()", "0"),
        ("$m.put('c', 3) $m.put('a', 9) $m", "$m.put('c', 3) 1 {a=9, b=2, c=3}"),
        ("$!m.putAll({'c': 3})$m", "{a=1, b=2, c=3}"),
        ("$m.get('a') $m.get('x') $m.getOrDefault('x', 0) $m.a", "1 $m.get('x') 0 1"),
        ("$m.containsKey('a') $m.containsKey('x') $m.containsValue(2)", "true false true"),
        ("$m.keySet() $m.values() $m.entrySet()", "[a, b] [1, 2] [a=1, b=2]"),
        ("$m.remove('a') $m $m.size() $m.isEmpty()", "1 {b=2} 1 false"),
        ("$!m.putIfAbsent('a', 5)$!m.putIfAbsent('c', 5) $m", "1 {a=1, b=2, c=5}"),
        ("#foreach($e in $m.entrySet())$!e.setValue(0)#end $m", "12 {a=0, b=0}"),
        ("$m.equals({'b': 2, 'a': 1})", "true"),
        ("$m.keySet().contains('a')", "true"),
    ],
)
def test_methods_of_lists_and_maps(render: Render, call: str, text: str) -> None:
    assert render(f"{LIST}{MAP}{call}") == text


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("$l[0].split('[')", "'split' in java.lang.String at velocity[line 2, column 6]: "),
        ("$l.get(3)", "'get' in java.util.ArrayList at velocity[line 2, column 3]: Index 3 out of bounds for length 3"),
        ("$l[0].substring(2)", "'substring' in java.lang.String at velocity[line 2, column 6]: Index 2 out of bounds"),
        ("$m.a.parseInt('x')", "'parseInt' in java.lang.Number at velocity[line 2, column 5]: For input string: \"x\""),
        ("$m.putAll(1)", "'putAll' in java.util.LinkedHashMap at velocity[line 2, column 3]: expected a map"),
    ],
)
def test_a_method_that_fails_is_named_with_its_place(
    failure: Callable[[str], tuple[str, str]], call: str, message: str
) -> None:
    type_, found = failure(f"{LIST}{MAP}\n{call}")

    assert type_ == "MappingTemplate"
    assert found.startswith(f"Error invoking method {message}")
