/** Reads the data of server-sent events from chunks of text that may break anywhere. */
export class SseParser {
  #rest = '';
  #data: string[] = [];

  /** The data of each event that this chunk completes. */
  push(chunk: string): string[] {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > LINE_MAX_LENGTH) throw new Error('an event of the stream is too long');
    const complete: string[] = [];
    for (const line of lines) {
      const text = line.endsWith('\r') ? line.slice(0, -1) : line;
      if (text === '') {
        if (this.#data.length > 0) complete.push(this.#data.join('\n'));
        this.#data = [];
      } else if (text.startsWith('data:')) {
        this.#data.push(text.slice(text.startsWith('data: ') ? 6 : 5));
      }
    }
    return complete;
  }
}

const LINE_MAX_LENGTH = 4_194_304;
