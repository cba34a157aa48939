export { checkLinearizable, type Verdict } from './check-linearizable.ts';
export {
  historyLines,
  type Operation,
  type RegisterInput,
  type RegisterOutput,
} from './operation.ts';
