import { type SandboxControls, type SandboxSurface } from './sandbox-request.js';

export type SandboxCall = {
  readonly surface: SandboxSurface;
  /** The model as it was asked for; `sandbox/lorem` answers lorem ipsum, every other name echoes. */
  readonly model: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether a stream ends with a usage chunk (`stream_options.include_usage`). */
  readonly includeUsage: boolean;
  readonly controls: SandboxControls;
  /** The answer's `id`, such as `chatcmpl-…`. */
  readonly id: string;
  readonly createdSeconds: number;
};

export type SandboxAnswer =
  | { readonly kind: 'json'; readonly status: number; readonly body: string }
  | {
      readonly kind: 'stream';
      /** Server-sent events, each a complete `data: …\n\n`; the last is `data: [DONE]\n\n`, unless it breaks off. */
      readonly chunks: readonly string[];
      /** The controls asked for a broken stream: `chunks` stops short, and the connection must end without its proper end. */
      readonly breaksOff: boolean;
    };

export const LOREM_MODEL = 'sandbox/lorem';
export const SYSTEM_FINGERPRINT = 'fp_latchkey_sandbox';
