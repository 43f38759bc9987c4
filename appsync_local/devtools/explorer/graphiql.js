"use strict";

// GraphiQL over the connection of the bar. React and GraphiQL are globals that earlier scripts define.

(async () => {
  const root = document.getElementById("explorer");
  const kept = localStorage.getItem("graphiql:tabState"); // tabs of an earlier visit replace the initial ones

  function show(changing) {
    const logo = React.createElement(GraphiQL.Logo, null, React.createElement("span", null, "GraphiQL"));
    ReactDOM.render(React.createElement(GraphiQL, { ...settled, ...changing }, logo), root);
  }

  // `headers` replaces the headers in the editor, so it is set only when another user is chosen. At the start it would
  // make GraphiQL open one more tab at every visit.
  const opened = await bar.open((headers) => show({ headers, defaultHeaders: headers }));
  const tabs = opened.tabs.map(({ query, variables }) => ({
    query,
    variables: Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : "",
    headers: opened.headers,
  }));
  const settled = {
    fetcher: (request, options) => bar.run(request, options?.headers ?? {}),
    defaultTabs: tabs.length > 0 ? tabs : undefined,
    variables: kept === null ? tabs[0]?.variables : undefined, // otherwise the variables of the first tab are not shown
    defaultEditorToolsVisibility: "variables",
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false, // they contain a token
  };
  show({ defaultHeaders: opened.headers });
})();
