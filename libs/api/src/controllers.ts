import * as z from 'zod';
import { controllerName } from '#libs/kernel';
import { nameSchema } from './name-schema.ts';

const controllerSeat = z.object({
  id: z.int(),
  name: z.string(),
  /** Where other processes reach it, as `host:port`. */
  address: z.string(),
  role: z.enum(['leader', 'follower', 'candidate', 'learner', 'unknown']),
  /** leaving: it still counts until a replacement is complete. */
  standing: z.enum(['voter', 'learner', 'leaving']),
  /** Up to here the log is known to be durable there; null when the leader does not answer. */
  matchIndex: z.int().nullable(),
  /** Only a controller itself knows what it has applied. */
  appliedIndex: z.int().nullable(),
  /** Entries of the leader's log that are not known to be durable there. */
  lagEntries: z.int().nullable(),
  reachable: z.boolean(),
  /** stalled: a write has not ended for `writeStallMs`. */
  disk: z.enum(['keeps up', 'stalled', 'unknown']),
  writeStallMs: z.number().nullable(),
  /** What an operator has to do something about, in words. */
  remarks: z.array(z.string()).default([]),
});

export const controllersAnswer = z.object({
  /** The controller that answers. */
  controller: z.string(),
  leader: z.string().nullable(),
  term: z.int(),
  commitIndex: z.int(),
  /** How many voters may fail while the rest goes on. */
  toleratedFailures: z.int(),
  /** What an operator should do about the number of voters; null when it is as it should be. */
  remark: z.string().nullable(),
  controllers: z.array(controllerSeat),
});
export type ControllerSeat = z.output<typeof controllerSeat>;
export type ControllersAnswer = z.output<typeof controllersAnswer>;

const name = nameSchema(controllerName);
const ADDRESS = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):\d{1,5}$/;
const PORT_MAX = 65_535;
const address = z
  .string()
  .max(300)
  .refine(isAddress, {
    error: ({ input }) =>
      `'${input}' is no address: write host:port, as in 10.0.0.4:7400 or [2001:db8::1]:7400, ` +
      `with a port from 1 to ${PORT_MAX}`,
  });

function isAddress(text: string): boolean {
  const port = Number(text.slice(text.lastIndexOf(':') + 1));
  return ADDRESS.test(text) && port >= 1 && port <= PORT_MAX;
}

export const addControllerRequest = z.strictObject({ name, address });
export const replaceControllerRequest = z.strictObject({
  by: name,
  /** Where `by` listens, when it is no member yet. */
  address: address.optional(),
});
/** Without `to` the leader chooses. */
export const transferLeadershipRequest = z.strictObject({ to: name.optional() });

/** How far an order about a member has come when it is answered. */
export const controllerOrderAnswer = z.object({
  name: z.string(),
  memberId: z.int().nullable(),
  /** False: it goes on by itself, or the same order is to be given again (`replace`). */
  complete: z.boolean(),
  /** For `join.token` of the new controller; only after it was added. */
  token: z.string().nullable(),
  text: z.string(),
});
export type ControllerOrderAnswer = z.output<typeof controllerOrderAnswer>;
