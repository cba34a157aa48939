import { unreachable } from '#libs/kernel';
import type { RegisterInput, RegisterOutput } from './operation.ts';

/** The value of a register; null while it is absent. */
export type RegisterState = string | null;

/** The state after `input` took effect, or undefined when it cannot have answered `output` here. */
export function stepRegister(
  state: RegisterState,
  input: RegisterInput,
  output: RegisterOutput | null,
): RegisterState | undefined {
  switch (input.type) {
    case 'read': {
      if (output === null) return state;
      return output.type === 'read' && output.value === state ? state : undefined;
    }
    case 'put':
      return stepWrite(state, input.value, input.expected, output);
    case 'delete':
      return stepWrite(state, null, input.expected, output);
    default:
      return unreachable(input);
  }
}

function stepWrite(
  state: RegisterState,
  value: RegisterState,
  expected: string | null | undefined,
  output: RegisterOutput | null,
): RegisterState | undefined {
  const holds = expected === undefined || expected === state;
  if (output === null) return holds ? value : state;
  if (output.type === 'written') return holds ? value : undefined;
  return output.type === 'rejected' && !holds ? state : undefined;
}
