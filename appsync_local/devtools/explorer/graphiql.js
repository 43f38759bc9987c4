"use strict";

// GraphiQL with the bar's connection; React and GraphiQL are globals of the scripts before this one.

(async () => {
  const root = document.getElementById("explorer");
  const kept = localStorage.getItem("graphiql:tabState"); // tabs of an earlier visit come before those to begin with

  function show(changing) {
    const logo = React.createElement(GraphiQL.Logo, null, React.createElement("span", null, "GraphiQL"));
    ReactDOM.render(React.createElement(GraphiQL, { ...settled, ...changing }, logo), root);
  }

  // `headers` replaces what the editor shows, and so it is given only once another user is chosen: at the start it
  // would make GraphiQL open one more tab at every visit.
  const opened = await bar.open((headers) => show({ headers, defaultHeaders: headers }));
  const tabs = opened.tabs.map(({ query, variables }) => ({
    query,
    variables: Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : "",
    headers: opened.headers,
  }));
  const settled = {
    fetcher: (request, options) => bar.run(request, options?.headers ?? {}),
    defaultTabs: tabs.length > 0 ? tabs : undefined,
    variables: kept === null ? tabs[0]?.variables : undefined, // the first tab's own are not shown otherwise
    defaultEditorToolsVisibility: "variables",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false, // they hold a token
  };
  show({ defaultHeaders: opened.headers });
})();
