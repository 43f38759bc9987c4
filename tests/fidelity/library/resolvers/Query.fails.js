import { util } from "@aws-appsync/utils";

export function request() {
  return { payload: null };
}

export function response() {
  util.error("out of order", "Closed", { title: "kept", pages: 3 }, { until: "noon" });
}
