import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';

import type { BagItem } from '#common/collections/bag.js';
import { AppError } from '#common/errors/app-error.js';
import type { KeyView } from '#modules/keys/index.js';
import type { BodyLog, CallBodies } from '#modules/usage/index.js';
import type { Finished } from '#platform/http/hot-routes.js';
import type { Logger } from '#platform/observability/logger.js';

import type { CallContext, CallOutcome, CallRecorder } from './call-recorder.js';
import type { Finish } from './metering/finish.js';
import { JsonAnswer } from './metering/json-answer.js';
import { EventTooLongError, StreamMeter } from './metering/stream-meter.js';
import type { TokenCounter } from './metering/token-counter.js';
import { NO_USAGE, type UsageFigures } from './metering/usage-figures.js';
import type { RunningCalls } from './running-calls.service.js';
import type { UpstreamCall, UpstreamControl, UpstreamSink } from './upstream/provider-adapter.js';
import { unusableAnswer, upstreamRefusal } from './upstream/upstream-errors.js';

/** What every exchange works with. */
export type ExchangeTools = {
  readonly recorder: CallRecorder;
  readonly counter: TokenCounter;
  readonly running: Pick<RunningCalls, 'unwatch'>;
  readonly logger: Logger;
  readonly bodies: BodyLog;
};

/** One call and its client. */
export type ExchangeParties = {
  readonly call: UpstreamCall;
  readonly context: CallContext;
  readonly response: ServerResponse;
  /**
   * Gets `null` when the client has got all there is, or has left; an error when nothing was sent and it must be.
   */
  readonly finished: Finished;
  /** Which bodies of it are kept. */
  readonly keeps: KeyView['keptBodies'];
};

/** Headers of the provider that the client gets; every other one stays here. */
const FORWARDED_HEADERS = ['openai-processing-ms', 'openai-version', 'openai-model'] as const;
const MAX_ERROR_BYTES = 64 * 1024;
/** A longer answer costs more to copy than a second piece to write. */
const MAX_JOINED_BYTES = 16 * 1024;
const CLIENT_CLOSED_REQUEST = 499;

/** `ending`: the usage is being written down, and then the last bytes go out. */
type Mode = 'waiting' | 'json' | 'stream' | 'refused' | 'ending' | 'over';

/**
 * Carries one provider's answer to one client: JSON answers whole, streams event by event with backpressure, and writes
 * the usage down before the last byte goes out. Until the first byte is sent every failure becomes an ordinary error
 * answer; after it, a stream ends with an error event.
 */
export class Exchange implements UpstreamSink, BagItem {
  readonly call: UpstreamCall;
  readonly context: CallContext;
  readonly response: ServerResponse;
  /** The caller's key as it was when it was looked at last. */
  heldTo: KeyView;
  place = -1;
  readonly #finished: Finished;
  #mode: Mode = 'waiting';
  #control: UpstreamControl | null = null;
  #status = 0;
  #headers: IncomingHttpHeaders = {};
  readonly #answer = new JsonAnswer();
  /** Of what has turned out to be a stream. */
  #meter: StreamMeter | null = null;
  #firstByteAt: number | null = null;
  /** Of a call whose bodies are kept. */
  readonly #bodies: CallBodies | null;

  constructor(
    { call, context, response, finished, keeps }: ExchangeParties,
    private readonly tools: ExchangeTools,
  ) {
    this.call = call;
    this.context = context;
    this.response = response;
    // Admission puts the view itself there; the type names only what every module may know of it.
    this.heldTo = context.caller as KeyView;
    this.#finished = finished;
    const { requestId, request } = call;
    const { caller } = context;
    this.#bodies = keeps && tools.bodies.begin({ requestId, caller, keeps, request: request.body });
    response.on('close', () => this.#onClose());
  }

  /** Hands over what steers the provider's side. */
  attach(control: UpstreamControl): void {
    this.#control = control;
    if (this.#mode === 'over') control.abort();
  }

  // ── What the provider sends ──────────────────────────────────────────────────────────────────

  head(status: number, headers: IncomingHttpHeaders): void {
    this.#status = status;
    this.#headers = headers;
    const type = headers['content-type'] ?? '';
    if (status >= 400) this.#mode = 'refused';
    else if (status >= 300) this.#abandon('it redirects');
    else if (isEncoded(headers)) this.#abandon('it is compressed');
    else if (type.includes('text/event-stream') && this.call.request.stream) this.#beginStream();
    else if (type.includes('json')) this.#mode = 'json';
    else this.#abandon('it is neither JSON nor an event stream');
  }

  data(chunk: Buffer): void {
    this.#firstByteAt ??= performance.now();
    if (this.#meter && this.#mode === 'stream') this.#streamOn(this.#meter, chunk);
    else if (this.#mode === 'json') this.#collect(chunk);
    else if (this.#mode === 'refused' && this.#answer.length < MAX_ERROR_BYTES)
      this.#answer.push(chunk);
  }

  end(): void {
    if (this.#mode === 'json') this.#sendJson();
    else if (this.#meter && this.#mode === 'stream') this.#endStream(this.#meter);
    else if (this.#mode === 'refused') this.#refuse();
    else if (this.#mode === 'waiting') this.#abandon('it is empty');
  }

  /** @param thrown whatever it is, this call alone ends with it */
  fail(thrown: unknown): void {
    // An answer that is whole is not spoilt by what becomes of its connection.
    if (this.#mode !== 'ending') this.#fail(toAppError(thrown));
  }

  #fail(error: AppError): void {
    if (this.#mode === 'over') return;
    if (this.response.headersSent) this.#breakStream(error);
    else this.#rejectWith(error);
  }

  // ── JSON ─────────────────────────────────────────────────────────────────────────────────────

  #collect(chunk: Buffer): void {
    this.#answer.push(chunk);
    if (this.#answer.isTooLong) this.#abandon('it is too long');
  }

  #sendJson(): void {
    const read = this.#answer.read();
    if (!read) {
      this.#abandon('it is not whole JSON');
      return;
    }
    const usage = read.usage ?? this.#count(this.#answer.text);
    this.#recordThen(usage, read.usage ? 'upstream' : 'counted', () => {
      this.#open({ 'content-type': 'application/json', 'content-length': read.body.length });
      // As text of a character a byte it goes out together with the head, as bytes in a piece of its own.
      if (read.body.length > MAX_JOINED_BYTES) this.response.end(read.body);
      else this.response.end(read.body.toString('latin1'), 'latin1');
      this.#bodies?.sent(read.body);
    });
  }

  // ── Streams ──────────────────────────────────────────────────────────────────────────────────

  #beginStream(): void {
    const { request, target } = this.call;
    this.#meter = new StreamMeter(!request.wantsUsage, target.endpoint?.credential ?? null);
    this.#mode = 'stream';
  }

  #streamOn(meter: StreamMeter, chunk: Buffer): void {
    this.#guarded(() => {
      const { forward, done } = meter.push(chunk);
      if (forward) this.#write(forward);
      if (done) this.#complete(meter, done);
    });
  }

  #endStream(meter: StreamMeter): void {
    this.#guarded(() => {
      const rest = meter.flush();
      if (!meter.isComplete) {
        this.#fail(unusableAnswer(this.call.target.providerName, 'the stream broke off'));
        return;
      }
      if (rest) this.#write(rest);
      this.#complete(meter, null);
    });
  }

  #complete(meter: StreamMeter, done: Buffer | null): void {
    const reported = meter.usage;
    const usage = reported ?? this.#count(meter.text);
    this.#recordThen(usage, reported ? 'upstream' : 'counted', () => {
      this.#openStream();
      if (done) this.response.end(done);
      else this.response.end();
      if (done) this.#bodies?.sent(done);
    });
  }

  #write(bytes: Buffer): void {
    this.#openStream();
    this.#bodies?.sent(bytes);
    if (this.response.write(bytes)) return;
    this.#control?.pause();
    if (this.response.listenerCount('drain') > 0) return;
    this.response.once('drain', () => this.#control?.resume());
  }

  #openStream(): void {
    if (this.response.headersSent) return;
    this.#open({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
  }

  #breakStream(error: AppError): void {
    this.#control?.abort();
    this.#recordFailure('failed', error.status);
    this.tools.logger.warn(
      { request_id: this.call.requestId, code: error.code, err: error.cause },
      error.message,
    );
    const { message, type, code } = error;
    const body = { error: { message, type, code, param: null, request_id: this.call.requestId } };
    const event = Buffer.from(`data: ${JSON.stringify(body)}\n\n`);
    this.response.end(event);
    this.#bodies?.sent(event);
    this.#finish();
  }

  // ── Refusals and failures before the first byte ──────────────────────────────────────────────

  #refuse(): void {
    const { target } = this.call;
    this.#rejectWith(upstreamRefusal(target, this.#status, this.#headers, this.#answer.bytes()));
  }

  #abandon(reason: string): void {
    this.#rejectWith(unusableAnswer(this.call.target.providerName, reason));
  }

  #rejectWith(error: AppError): void {
    this.#control?.abort();
    this.#recordFailure('failed', error.status);
    const { allowances } = this.context;
    if (allowances && !this.response.destroyed) {
      const headers: Record<string, string> = {};
      allowances.addHeaders(headers);
      for (const [name, value] of Object.entries(headers)) this.response.setHeader(name, value);
    }
    this.#finish(error);
  }

  // ── The client ───────────────────────────────────────────────────────────────────────────────

  #onClose(): void {
    if (this.#mode === 'over') return;
    this.#control?.abort();
    this.#recordFailure('aborted', CLIENT_CLOSED_REQUEST);
    this.#finish();
  }

  #open(headers: OutgoingHttpHeaders): void {
    headers['x-request-id'] = this.call.requestId;
    headers['x-latchkey-provider'] = this.call.target.providerName;
    this.context.allowances?.addHeaders(headers);
    for (const name of FORWARDED_HEADERS) {
      const value = this.#headers[name];
      if (typeof value === 'string') headers[name] = value;
    }
    this.response.writeHead(200, headers);
  }

  // ── Accounts ─────────────────────────────────────────────────────────────────────────────────

  /** The usage is written down first: a client that has the whole answer is a call that was counted. */
  #recordThen(
    usage: UsageFigures,
    usageSource: CallOutcome['usageSource'],
    sendLast: () => void,
  ): void {
    this.#mode = 'ending';
    const outcome = this.#meter?.hasFailed ? 'failed' : 'completed';
    const firstByteAt = this.#firstByteAt;
    const finish = this.#finishOf(usage);
    const result: CallOutcome = { status: 200, outcome, usage, usageSource, finish, firstByteAt };
    this.tools.recorder.record(this.call, this.context, result, (error) => {
      if (this.#mode === 'over') return;
      this.#guarded(() => {
        if (error) throw new AppError('service_unavailable', { cause: error });
        sendLast();
        this.#finish();
        // A slow client may have it paused: what is left must come, or the connection is never free again.
        this.#control?.resume();
      });
    });
  }

  /** What was produced is charged, however the call ended; a provider that refused produced nothing. */
  #recordFailure(outcome: 'failed' | 'aborted', status: number): void {
    if (this.#mode === 'ending') return;
    const reported = this.#meter?.usage ?? null;
    const wasProducing = this.#mode === 'stream' || this.#mode === 'json' || outcome === 'aborted';
    const usage = reported ?? (wasProducing ? this.#count(this.#produced) : null);
    const usageSource = reported ? 'upstream' : usage ? 'counted' : 'none';
    const firstByteAt = this.#firstByteAt;
    const finish = this.#finishOf(usage);
    const result: CallOutcome = { status, outcome, usage, usageSource, finish, firstByteAt };
    this.tools.recorder.record(this.call, this.context, result, (error) => {
      if (!error) return;
      // There is nobody left to refuse: the client has its error, or is gone.
      const facts = { request_id: this.call.requestId, err: error };
      this.tools.logger.error(facts, 'Usage could not be recorded');
    });
  }

  #finishOf(usage: UsageFigures | null): Finish {
    if (!this.call.surface.streams) return 'normal';
    return this.#meter?.finish ?? this.#answer.finish(usage?.outputTokens ?? 0);
  }

  /** The text that came so far. */
  get #produced(): string {
    return this.#mode === 'json' ? this.#answer.text : (this.#meter?.text ?? '');
  }

  #count(output: string): UsageFigures {
    const { counter } = this.tools;
    return {
      ...NO_USAGE,
      inputTokens: counter.countInput(this.call.request.parsed),
      outputTokens: counter.countEscaped(output),
    };
  }

  /** Whatever goes wrong in handling an answer ends this call, and nothing but this call. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch (error) {
      const provider = this.call.target.providerName;
      this.#fail(
        error instanceof EventTooLongError
          ? unusableAnswer(provider, 'an event is too long')
          : toAppError(error),
      );
    }
  }

  #finish(error: AppError | null = null): void {
    if (this.#mode === 'over') return;
    this.#mode = 'over';
    this.tools.running.unwatch(this);
    this.#finished(error);
    this.#bodies?.end();
  }
}

function toAppError(thrown: unknown): AppError {
  return thrown instanceof AppError
    ? thrown
    : new AppError('internal_server_error', { cause: thrown });
}

function isEncoded(headers: IncomingHttpHeaders): boolean {
  const encoding = headers['content-encoding'] ?? 'identity';
  return encoding !== 'identity';
}
