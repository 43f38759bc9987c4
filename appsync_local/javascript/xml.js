// `util.xml`: converts XML to objects. Text of a number or boolean becomes that value, repeated elements become a list,
// an attribute becomes a member, and text next to other members becomes `content`.
// Source: AppSync Developer Guide, "XML helpers in util.xml"; the rules are those of org.json's XML.toJSONObject, which
// produces the guide's example.
(({ TypeError, complete, fromCode, parse, replace, stringify }) => {
  const ENTITIES = { __proto__: null, lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };
  const plain = (text) =>
    replace(text, /&(#x[0-9a-fA-F]+|#\d+|\w+);/g, (whole, name) => {
      if (name[0] !== "#") return ENTITIES[name] ?? whole;
      const code = name[1] === "x" ? parseInt(name.slice(2), 16) : Number(name.slice(1));
      return code > 0xffff ? fromCode(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff)) : fromCode(code);
    });
  const valued = (text) => {
    if (/^(true|false|null)$/i.test(text)) return parse(text.toLowerCase());
    return /^-?(0|[1-9]\d{0,14})(\.\d+)?([eE][+-]?\d+)?$/.test(text) ? Number(text) : text;
  };
  const invalid = (why) => {
    throw new TypeError(`util.xml was given text that is not XML: ${why}`);
  };
  const add = (object, name, value) => {
    if (!Object.hasOwn(object, name)) object[name] = value;
    else if (Array.isArray(object[name])) object[name].push(value);
    else object[name] = [object[name], value];
  };
  const MARKUP = /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<!DOCTYPE[^>]*>|<(\/?)([^\s\/>]+)((?:\s+[^\s=]+\s*=\s*(?:"[^"]*"|'[^']*'))*)\s*(\/?)>/g;
  const ATTRIBUTE = /([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

  const closed = (element) => {
    const text = element.text.trim();
    const names = Object.keys(element.members);
    if (!names.length) return valued(text);
    if (text) add(element.members, "content", valued(text));
    return element.members;
  };
  const toMap = (xml) => {
    const root = { name: "", members: {}, text: "" };
    const open = [root];
    let at = 0;
    replace(String(xml), MARKUP, (whole, cdata, slash, name, attributes, empty, offset, all) => {
      const current = open[open.length - 1];
      current.text += plain(all.slice(at, offset));
      at = offset + whole.length;
      if (cdata !== undefined) {
        current.text += cdata;
      } else if (name && slash) {
        const element = open.pop();
        if (element.name !== name || !open.length) invalid(`</${name}> closes nothing`);
        add(open[open.length - 1].members, name, closed(element));
      } else if (name) {
        const element = { name, members: {}, text: "" };
        replace(attributes, ATTRIBUTE, (_, key, double, single) => add(element.members, key, valued(plain(double ?? single))));
        if (empty) add(current.members, name, closed(element));
        else open.push(element);
      }
      return "";
    });
    if (open.length > 1) invalid(`<${open[open.length - 1].name}> is not closed`);
    if (String(xml).slice(at).includes("<") || (root.text + String(xml).slice(at)).trim()) invalid("there is text outside of the root");
    return root.members;
  };
  return complete("util.xml", {
    toMap,
    toJsonString: (xml, stringEncode) => (stringEncode ? stringify(stringify(toMap(xml))) : stringify(toMap(xml))),
  });
})
