/**
 * The S3 SDK writes a notice to standard error where it will not go along with this version of Node in some time. That is for us to see to,
 * not for whoever runs us, and the SDK's own switch is a variable of the environment.
 */
export function silenceVersionNotice(): void {
  // eslint-disable-next-line no-restricted-syntax -- it is written, for the SDK to read; nothing of ours depends on it.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
}
