import * as z from 'zod';
import { epochMs } from '#libs/kernel';
import { instanceSchema } from './name-schema.ts';

/** Body of an order to restart PostgreSQL. */
export const restartRequest = z.strictObject({
  /** All that fit, when left out. */
  instances: z.array(instanceSchema).min(1).max(1_000).optional(),
  rolling: z.boolean().default(false),
  onlyPending: z.boolean().default(false),
  role: z.enum(['primary', 'standby']).optional(),
  /** Not before: milliseconds since 1970. */
  at: z.int().min(0).max(8_640_000_000_000_000).transform(epochMs).optional(),
});
