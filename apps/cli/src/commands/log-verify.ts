import { verifyDirectory } from '#libs/storage';
import { EXIT, type Outcome } from '../outcome.ts';

/** Every check of a start, on a copy: what is damaged stays as it was found. */
export async function logVerify(directory: string): Promise<Outcome> {
  const found = await verifyDirectory(directory);
  if (!found.sound) {
    const { file, finding } = found;
    const text = `${file}: ${finding}\nkeep the directory for inspection and replace this member`;
    return { exitCode: EXIT.notHeld, text, result: { ok: false, directory, file, finding } };
  }
  const { groupId, firstIndex, lastIndex, appliedIndex, term } = found;
  const text =
    `${directory} is sound: group ${groupId}, term ${term}, ` +
    `log ${firstIndex} to ${lastIndex}, applied up to ${appliedIndex}`;
  const result = { ok: true, directory, groupId, firstIndex, lastIndex, appliedIndex, term };
  return { exitCode: EXIT.held, text, result };
}
