import { beforeEach, describe, expect, it } from 'vitest';

import type { AppError } from '#common/errors/app-error.js';

import { AdmissionService } from './admission.service.js';
import type { CallRecorder } from './call-recorder.js';

const MIB = 1024 * 1024;
const UNAVAILABLE = expect.objectContaining({
  code: 'service_unavailable',
  headers: { 'retry-after': '1' },
}) as AppError;

let recorder: { isReady: boolean };
let admission: AdmissionService;
beforeEach(() => {
  recorder = { isReady: true };
  admission = new AdmissionService(recorder as CallRecorder);
});

describe('AdmissionService', () => {
  it('takes 10,000 calls at once, and another when one has left', () => {
    for (let call = 0; call < 10_000; call++) admission.enter();
    expect(() => admission.enter()).toThrow(UNAVAILABLE);
    admission.leave(0);
    admission.enter();
  });

  it('holds 512 MiB of bodies together, and more when a call has left', () => {
    for (let call = 0; call < 16; call++) {
      admission.enter();
      admission.hold(32 * MIB);
    }
    expect(() => admission.hold(1)).toThrow(UNAVAILABLE);
    admission.leave(32 * MIB);
    admission.hold(32 * MIB);
    expect(() => admission.hold(1)).toThrow(UNAVAILABLE);
  });

  it('takes nothing while usage can’t be written down', () => {
    recorder.isReady = false;
    expect(() => admission.enter()).toThrow(UNAVAILABLE);
    recorder.isReady = true;
    admission.enter();
  });

  it('takes nothing more once it is shutting down', () => {
    admission.enter();
    admission.beforeApplicationShutdown();
    expect(() => admission.enter()).toThrow(UNAVAILABLE);
  });
});
