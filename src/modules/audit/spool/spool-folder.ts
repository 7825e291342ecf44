import { closeSync, mkdirSync, openSync, readdirSync, statSync, writeSync } from 'node:fs';
import { appendFile, readFile, unlink } from 'node:fs/promises';
import { join } from 'node:path';

const MODE = 0o600;
const SEGMENT = /^(\d{16})\.log$/;
const MAX_UNSHIPPED_BYTES = 256 * 1024 * 1024;
const SEGMENT_BYTES = 1024 * 1024;

/** A segment that nothing is added to any more. */
export type ClosedSegment = { readonly name: string; readonly bytes: number };

/**
 * Files of lines: one that is appended to, and closed ones that wait to be shipped. A line is the kernel's once
 * {@link SpoolFolder.append} returns, so the death of this process loses nothing; the loss of power may cost what the kernel had
 * not written yet. Only the process that has claimed the data folder uses it.
 */
export class SpoolFolder {
  readonly #closed: ClosedSegment[];
  #live: { readonly name: string; readonly file: number; bytes: number } | null = null;
  #lastNumber: number;

  /** @throws the file system's error when the folder can't be made or read */
  constructor(private readonly directory: string) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const names = readdirSync(directory).filter((name) => SEGMENT.test(name));
    this.#closed = names
      .sort()
      .map((name) => ({ name, bytes: statSync(join(directory, name)).size }));
    this.#lastNumber = Number(SEGMENT.exec(names.at(-1) ?? '')?.[1] ?? 0);
  }

  get closed(): readonly ClosedSegment[] {
    return this.#closed;
  }

  get unshippedBytes(): number {
    return this.#closed.reduce((sum, { bytes }) => sum + bytes, this.#live?.bytes ?? 0);
  }

  get isFull(): boolean {
    return this.unshippedBytes >= MAX_UNSHIPPED_BYTES;
  }

  /** @throws the file system's error; nothing is appended after what may be half a line */
  append(line: Buffer): void {
    if (this.#live && this.#live.bytes >= SEGMENT_BYTES) this.close();
    const live = (this.#live ??= this.#begin());
    try {
      for (let written = 0; written < line.length;) {
        written += writeSync(live.file, line, written, line.length - written);
      }
      live.bytes += line.length;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** What was appended so far can be shipped. */
  close(): void {
    if (!this.#live) return;
    const { name, file, bytes } = this.#live;
    this.#live = null;
    this.#closed.push({ name, bytes });
    closeSync(file);
  }

  async linesOf({ name }: ClosedSegment): Promise<string[]> {
    const lines = (await readFile(join(this.directory, name), 'utf8')).split('\n');
    // After the last newline there is nothing, or what was never acknowledged.
    lines.pop();
    return lines;
  }

  /** Keeps a line that can't be shipped for a person to look at. Never deleted here. */
  async keepAside(file: 'corrupt.log' | 'rejected.log', line: string): Promise<void> {
    await appendFile(join(this.directory, file), `${line}\n`, { mode: MODE });
  }

  async remove(segment: ClosedSegment): Promise<void> {
    await unlink(join(this.directory, segment.name));
    this.#closed.splice(this.#closed.indexOf(segment), 1);
  }

  #begin(): { name: string; file: number; bytes: number } {
    const name = `${String(++this.#lastNumber).padStart(16, '0')}.log`;
    return { name, file: openSync(join(this.directory, name), 'ax', MODE), bytes: 0 };
  }
}
