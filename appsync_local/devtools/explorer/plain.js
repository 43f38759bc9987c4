"use strict";

// A plain editor, used if GraphiQL's files are not installed.

(async () => {
  const root = document.getElementById("explorer");
  const made = (tag, properties, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };
  const query = made("textarea", { spellcheck: false, rows: 10 });
  const variables = made("textarea", { spellcheck: false, rows: 5 });
  const headers = made("textarea", { spellcheck: false, rows: 4 });
  const answer = made("pre", { id: "answer" });
  const choice = made("select", {});
  const button = made("button", { id: "run", textContent: "Run" });
  let stop = null;

  const field = (name, element) => made("label", {}, name, element);
  const note = "GraphiQL is not installed: run `pip install graphene-django-graphiql-static` and reload this page. "
    + "This plain editor runs operations too.";
  root.append(
    made("p", { textContent: note }),
    made("section", {},
      made("div", {}, field("Operation", choice), query, field("Variables", variables), field("Headers", headers), button),
      answer),
  );

  const show = (value) => { answer.textContent = JSON.stringify(value, null, 2); };
  const parsed = (text) => (text.trim() === "" ? {} : JSON.parse(text));
  const ready = () => { stop = null; button.textContent = "Run"; };

  async function run() {
    if (stop !== null) {
      stop();
      ready();
      return;
    }
    try {
      const running = bar.run({ query: query.value, variables: parsed(variables.value) }, parsed(headers.value));
      if (running.subscribe) {
        const { unsubscribe } = running.subscribe({ next: show, complete: ready });
        stop = unsubscribe;
        button.textContent = "Stop";
      } else {
        show(await running);
      }
    } catch (problem) {
      show({ errors: [{ message: String(problem) }] });
    }
  }

  const opened = await bar.open((text) => { headers.value = text; });
  headers.value = opened.headers;
  const take = (tab) => {
    query.value = tab.query;
    variables.value = JSON.stringify(tab.variables, null, 2);
  };
  const title = (text) => /\b(?:query|mutation|subscription)\s+(\w+)/.exec(text)?.[1] ?? "unnamed";
  opened.tabs.forEach((tab, index) => choice.add(new Option(title(tab.query), index)));
  choice.onchange = () => take(opened.tabs[choice.value]);
  if (opened.tabs.length > 0) take(opened.tabs[0]);
  button.onclick = run;
})();
