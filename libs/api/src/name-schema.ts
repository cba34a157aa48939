import * as z from 'zod';
import { InvalidNameError, instanceName } from '#libs/kernel';

/** Text of a request as a kernel name, which says itself what it refuses. */
export function nameSchema<Name>(make: (text: string) => Name) {
  return z.string().transform((text, context): Name => {
    try {
      return make(text);
    } catch (error) {
      if (!(error instanceof InvalidNameError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

export const instanceSchema = nameSchema(instanceName);
