// @ts-check
/**
 * The client end of one keep-alive HTTP/1.1 connection, for the load generator: it reads just enough of an answer
 * to know where it ends (RFC 9112, sections 6 and 7), whether it is good, and how many events a stream had.
 */
import { connect } from 'node:net';

const LF = 0x0a;
const CR = 0x0d;
const HEAD_END = '\r\n\r\n';
const MAX_HEAD_BYTES = 32 * 1024;
const MAX_ERROR_TEXT = 4096;

/**
 * @typedef {object} Exchange what became of one request; times in milliseconds of `performance.now()`
 * @property {number} sentAt
 * @property {number} firstByteAt of the body
 * @property {number} endedAt
 * @property {number} reads socket reads
 * @property {number} bodyBytes
 * @property {number} events server-sent events, `[DONE]` included; 0 unless streamed
 * @property {string} tail the last characters of a streamed body
 */

/**
 * @typedef {object} Callbacks
 * @property {(connection: HttpConnection, exchange: Exchange) => void} onAnswer a whole 2xx answer has come
 * @property {(error: Error) => void} onFailure anything else has
 */

/** Reads are consumed before the callback returns, so all connections share one buffer. */
const sharedBuffer = Buffer.allocUnsafe(64 * 1024);

/** @param {number} byte @returns {number} -1 when it is no hexadecimal digit */
function hexDigit(byte) {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/** @returns {Exchange} */
function newExchange() {
  return {
    sentAt: performance.now(),
    firstByteAt: 0,
    endedAt: 0,
    reads: 0,
    bodyBytes: 0,
    events: 0,
    tail: '',
  };
}

export class HttpConnection {
  /** @type {'idle' | 'head' | 'fixed' | 'size' | 'data' | 'trailer'} */
  #state = 'idle';
  /** Bytes of the body, or of the current chunk and its line end, that are still to come. */
  #remaining = 0;
  #chunkSize = 0;
  #inExtension = false;
  #lineLength = 0;
  #newlines = 0;
  #head = '';
  #status = 0;
  #errorText = '';
  #exchange = newExchange();
  #callbacks;
  #socket;

  /**
   * @param {number} port
   * @param {Callbacks} callbacks
   */
  constructor(port, callbacks) {
    this.#callbacks = callbacks;
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: { buffer: sharedBuffer, callback: (count) => this.#read(count) },
    });
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      if (this.#state !== 'idle') this.#fail('the connection was closed within an answer');
    });
  }

  /** @returns {Promise<void>} */
  connected() {
    return new Promise((resolve, reject) => {
      this.#socket.once('connect', () => resolve());
      this.#socket.once('error', reject);
    });
  }

  /** Sends one request; the connection must be idle. @param {Buffer} bytes */
  send(bytes) {
    this.#exchange = newExchange();
    this.#head = '';
    this.#newlines = 0;
    this.#state = 'head';
    if (this.#socket.destroyed) this.#fail('the connection was closed while idle');
    else this.#socket.write(bytes);
  }

  close() {
    this.#state = 'idle';
    this.#socket.destroy();
  }

  /** @param {string} message */
  #fail(message) {
    if (this.#state === 'idle') return;
    this.close();
    this.#callbacks.onFailure(new Error(message));
  }

  /** @param {number} count @returns {true} go on reading */
  #read(count) {
    if (this.#state === 'idle') return true;
    this.#exchange.reads += 1;
    const offset = this.#state === 'head' ? this.#readHead(count) : 0;
    this.#readBody(offset, count);
    return true;
  }

  /** @param {number} offset @param {number} end */
  #readBody(offset, end) {
    if (this.#state === 'fixed') this.#readFixed(offset, end);
    else if (this.#state !== 'head' && this.#state !== 'idle') this.#readChunked(offset, end);
  }

  /** @param {number} end @returns {number} where the body begins */
  #readHead(end) {
    const before = this.#head.length;
    this.#head += sharedBuffer.toString('latin1', 0, end);
    const at = this.#head.indexOf(HEAD_END);
    if (at < 0) {
      if (this.#head.length > MAX_HEAD_BYTES) this.#fail('the head of the answer is too long');
      return end;
    }
    const head = this.#head.slice(0, at);
    this.#status = Number(head.slice(9, 12));
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length !== undefined) {
      this.#remaining = Number(length);
      this.#state = 'fixed';
    } else if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
      this.#beginChunk();
    } else {
      this.#fail(`an answer without a length:\n${head}`);
    }
    return at + HEAD_END.length - before;
  }

  /** @param {number} offset @param {number} end */
  #readFixed(offset, end) {
    if (end > offset || this.#remaining === 0) this.#payload(offset, end);
    this.#remaining -= end - offset;
    if (this.#remaining < 0) this.#fail('more bytes came than content-length says');
    else if (this.#remaining === 0) this.#complete();
  }

  #beginChunk() {
    this.#state = 'size';
    this.#chunkSize = 0;
    this.#inExtension = false;
  }

  /** @param {number} offset @param {number} end */
  #readChunked(offset, end) {
    while (offset < end) {
      if (this.#state === 'data') {
        offset = this.#readChunkData(offset, end);
        continue;
      }
      const byte = /** @type {number} */ (sharedBuffer[offset]);
      offset += 1;
      if (this.#state === 'size') {
        this.#readSizeByte(byte);
      } else if (this.#endsTrailer(byte)) {
        if (offset === end) this.#complete();
        else this.#fail('bytes came after the end of the answer');
        return;
      }
    }
  }

  /** @param {number} offset @param {number} end @returns {number} the offset after what was read */
  #readChunkData(offset, end) {
    const taken = Math.min(this.#remaining, end - offset);
    // The two bytes after the data are its line end.
    const data = Math.min(this.#remaining - 2, taken);
    if (data > 0) {
      this.#payload(offset, offset + data);
      this.#countEvents(offset, offset + data);
    }
    this.#remaining -= taken;
    if (this.#remaining === 0) this.#beginChunk();
    return offset + taken;
  }

  /** @param {number} byte */
  #readSizeByte(byte) {
    if (byte === LF) {
      this.#state = this.#chunkSize === 0 ? 'trailer' : 'data';
      this.#remaining = this.#chunkSize + 2;
      this.#lineLength = 0;
      return;
    }
    if (this.#inExtension || byte === CR) return;
    const digit = hexDigit(byte);
    if (digit < 0) this.#inExtension = true;
    else this.#chunkSize = this.#chunkSize * 16 + digit;
  }

  /** @param {number} byte @returns {boolean} `true` at the empty line that ends the answer */
  #endsTrailer(byte) {
    if (byte === CR) return false;
    if (byte === LF && this.#lineLength === 0) return true;
    this.#lineLength = byte === LF ? 0 : this.#lineLength + 1;
    return false;
  }

  /** @param {number} start @param {number} end */
  #payload(start, end) {
    if (this.#exchange.firstByteAt === 0) this.#exchange.firstByteAt = performance.now();
    this.#exchange.bodyBytes += end - start;
    if (this.#status < 200 || this.#status > 299) {
      const room = MAX_ERROR_TEXT - this.#errorText.length;
      this.#errorText += sharedBuffer.toString('latin1', start, Math.min(end, start + room));
    }
  }

  /** An event ends with an empty line: two line feeds. @param {number} start @param {number} end */
  #countEvents(start, end) {
    const piece = sharedBuffer.subarray(start, end);
    for (let at = piece.indexOf(LF); at >= 0; at = piece.indexOf(LF, at + 1)) this.#newlines += 1;
    const last = sharedBuffer.toString('latin1', Math.max(start, end - 16), end);
    this.#exchange.tail = (this.#exchange.tail + last).slice(-16);
  }

  #complete() {
    if (this.#status < 200 || this.#status > 299) {
      this.#fail(`HTTP ${this.#status}: ${this.#errorText}`);
      return;
    }
    this.#exchange.endedAt = performance.now();
    this.#exchange.events = this.#newlines >> 1;
    this.#state = 'idle';
    this.#callbacks.onAnswer(this, this.#exchange);
  }
}
