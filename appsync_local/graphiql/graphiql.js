"use strict";

// GraphiQL with the bar's connection; React and GraphiQL are globals of the scripts before this one.

(async () => {
  const root = document.getElementById("explorer");
  let tabs = [];

  function show(headers) {
    const shown = {
      fetcher: (request, options) => bar.run(request, options?.headers ?? {}),
      headers,
      defaultHeaders: headers,
      defaultTabs: tabs,
      defaultEditorToolsVisibility: "variables",
      isHeadersEditorEnabled: true,
      shouldPersistHeaders: false, // they hold a token
    };
    const logo = React.createElement(GraphiQL.Logo, null, React.createElement("span", null, "GraphiQL"));
    ReactDOM.render(React.createElement(GraphiQL, shown, logo), root);
  }

  const opened = await bar.open(show);
  tabs = opened.tabs.map(({ query, variables }) => ({
    query,
    variables: Object.keys(variables).length > 0 ? JSON.stringify(variables, null, 2) : "",
    headers: opened.headers,
  }));
  show(opened.headers);
})();
