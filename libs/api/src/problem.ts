import * as z from 'zod';

/** Refusals that any answer may carry, with the HTTP status of each. Codes are stable. */
export const PROBLEM_STATUS = {
  INVALID_REQUEST: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  UNKNOWN_CLUSTER: 404,
  UNKNOWN_INSTANCE: 404,
  UNKNOWN_CONTROLLER: 404,
  CLUSTER_EXISTS: 409,
  CONTROLLER_EXISTS: 409,
  CONTROLLER_UNREACHABLE: 409,
  MEMBERSHIP_REFUSED: 409,
  OPERATION_REFUSED: 409,
  OPERATION_RUNNING: 409,
  NOT_LEADER: 421,
  INTERNAL: 500,
  NO_LEADER: 503,
  QUEUE_FULL: 503,
  OUTCOME_UNKNOWN: 504,
  DISK_NEARLY_FULL: 507,
  CONTROLLER_ISOLATED: 503,
} as const;
export type ProblemCode = keyof typeof PROBLEM_STATUS;

export const refusalSchema = z.object({
  instance: z.string().nullable(),
  rule: z.string(),
  value: z.string(),
  limit: z.string(),
});

/** `application/problem+json` (RFC 9457) with our code. */
export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  /** Where to ask instead: NOT_LEADER only; `url` is null when it is not known. */
  leader: z.object({ name: z.string(), url: z.string().nullable() }).nullable().default(null),
  /** Which rules refused: OPERATION_REFUSED only. */
  refusals: z.array(refusalSchema).default([]),
});
export type Problem = z.output<typeof problemSchema>;
export type RefusalView = z.output<typeof refusalSchema>;

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** `detail` names the value, the rule and the way out. */
export function problem(
  code: ProblemCode,
  detail: string,
  more: Partial<Pick<Problem, 'leader' | 'refusals'>> = {},
): Problem {
  return {
    type: `urn:matriarch:problem:${code}`,
    title: code.toLowerCase().replaceAll('_', ' '),
    status: PROBLEM_STATUS[code],
    detail,
    code,
    leader: more.leader ?? null,
    refusals: [...(more.refusals ?? [])],
  };
}
