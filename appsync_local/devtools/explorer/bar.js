"use strict";

// The bar above the editor: the signed-in user, the sign-in method, and the state of the last operation. The editor calls
// `bar.run` for each operation. Headers that the bar has set are replaced when another user is chosen.

const bar = (() => {
  const element = (name) => document.getElementById(name);
  const issued = new Set(); // tokens that this bar has issued; in every tab they are replaced by those of the chosen user
  let settings = null;
  let headers = {};
  let onHeaders = () => {};

  function say(state, text) {
    element("status").dataset.state = state;
    element("status").textContent = text;
  }

  function fill(select, choices) {
    for (const { name, label } of choices) select.add(new Option(label, name));
  }

  async function signIn() {
    const response = await fetch("/graphiql/sign-in", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: element("user").value, method: element("method").value }),
    });
    const answer = await response.json();
    if (!response.ok) {
      say("failed", answer.error);
      return;
    }
    headers = answer.headers;
    Object.values(headers).forEach((value) => issued.add(value));
    say("ok", `signed in as ${element("user").value}`);
    onHeaders(JSON.stringify(headers, null, 2));
  }

  function current(given) {
    const own = Object.entries(given).filter(([, value]) => !issued.has(value));
    return own.length === Object.keys(given).length && own.length > 0 ? given : { ...Object.fromEntries(own), ...headers };
  }

  function outcome(result, started) {
    const took = `${Math.round(performance.now() - started)} ms`;
    const errors = result.errors ?? [];
    if (errors.length === 0) say("ok", `answered in ${took}`);
    else say("failed", `${errors[0].errorType ?? "an error"} after ${took}`);
    return result;
  }

  async function ask(request, given) {
    if (request.operationName === "IntrospectionQuery") return appsync.ask(request, current(given)); // sent by the editor itself
    const started = performance.now();
    say("live", "sending…");
    let result = await appsync.ask(request, current(given));
    const isOurs = current(given) !== given;
    if (isOurs && result.errors?.[0]?.errorType === "UnauthorizedException") {
      await signIn(); // the token may have expired
      result = await appsync.ask(request, current(given));
    }
    return outcome(result, started);
  }

  // The page may be reached under another name or port than the API knows, if a port is forwarded.
  function realtimeUrl() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    return `${scheme}//${location.host}${new URL(settings.realtimeUrl).pathname}`;
  }

  function subscribe(request, given, observer) {
    let events = 0;
    say("live", "subscribing…");
    return appsync.subscribe(realtimeUrl(), request, current(given), {
      started: () => say("live", "subscribed, waiting for events"),
      next: (payload) => {
        events += 1;
        say("live", events === 1 ? "subscribed, 1 event" : `subscribed, ${events} events`);
        observer.next(payload);
      },
      complete: () => {
        say("idle", "the subscription is complete");
        observer.complete();
      },
      error: (payload) => {
        say("failed", payload?.errors?.[0]?.errorType ?? payload?.errors?.[0]?.message ?? "the subscription failed");
        observer.next(payload);
        observer.complete();
      },
    });
  }

  function isSubscription(text, name) {
    const plain = text.replace(/#[^\n]*/g, "");
    const pattern = name ? `\\bsubscription\\s+${name}\\b` : "^\\s*subscription\\b";
    return new RegExp(pattern).test(plain);
  }

  function run(request, given) {
    if (!isSubscription(request.query, request.operationName)) return ask(request, given);
    return {
      subscribe(observer) {
        return { unsubscribe: subscribe(request, given, observer) };
      },
    };
  }

  async function open(changed) {
    settings = await (await fetch("/graphiql/settings.json")).json();
    document.title = settings.title;
    element("title").textContent = settings.title;
    fill(element("user"), settings.users.map((name) => ({ name, label: name })));
    fill(element("method"), settings.methods);
    element("user").onchange = signIn;
    element("method").onchange = signIn;
    await signIn();
    onHeaders = changed;
    return { tabs: settings.tabs, headers: JSON.stringify(headers, null, 2) };
  }

  return { open, run };
})();
