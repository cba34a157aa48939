import * as z from 'zod';
import { epochMs, InvalidNameError, instanceName } from '#libs/kernel';

const instance = z.string().transform((text, context) => {
  try {
    return instanceName(text);
  } catch (error) {
    if (!(error instanceof InvalidNameError)) throw error;
    context.addIssue({ code: 'custom', message: error.message });
    return z.NEVER;
  }
});

/** Body of an order to restart PostgreSQL. */
export const restartRequest = z.strictObject({
  /** All that fit, when left out. */
  instances: z.array(instance).min(1).max(1_000).optional(),
  rolling: z.boolean().default(false),
  onlyPending: z.boolean().default(false),
  role: z.enum(['primary', 'standby']).optional(),
  /** Not before: milliseconds since 1970. */
  at: z.int().min(0).max(8_640_000_000_000_000).transform(epochMs).optional(),
});
