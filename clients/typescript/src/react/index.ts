"use client";

export type { Phase } from "./follower.ts";
export { LongcallProvider, useLongcall } from "./provider.ts";
export { type Job, useJob } from "./use-job.ts";
export { type Jobs, useJobs } from "./use-jobs.ts";
export { type Start, type StartJob, useStartJob } from "./use-start-job.ts";
