/** What a client asked of one register. `expected` (null: absent) makes a write conditional. */
export type RegisterInput =
  | { readonly type: 'read' }
  | { readonly type: 'put'; readonly value: string; readonly expected?: string | null }
  | { readonly type: 'delete'; readonly expected?: string | null };

export type RegisterOutput =
  | { readonly type: 'read'; readonly value: string | null }
  | { readonly type: 'written' }
  /** The condition did not hold; nothing was written. */
  | { readonly type: 'rejected' };

/** One operation of one client. With `output` null it is open: it took effect at some time, or never. */
export type Operation = {
  readonly process: string;
  readonly key: string;
  readonly input: RegisterInput;
  readonly output: RegisterOutput | null;
  readonly callNs: number;
  /** Null while the outcome is unknown. */
  readonly returnNs: number | null;
};

/** One line of JSON an operation, in the order given, so that another checker can read them. */
export function historyLines(operations: readonly Operation[]): string {
  return operations.map((operation) => `${JSON.stringify(line(operation))}\n`).join('');
}

function line({ process, key, input, output, callNs, returnNs }: Operation): unknown {
  return { process, op: input.type, key, input, output, callNs, returnNs };
}
