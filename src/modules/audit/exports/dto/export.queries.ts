import { Int, Text } from '#common/validation/fields.js';

const SIGNATURE_LENGTH = 43;

export class SignedFileQuery {
  @Text({ description: 'Whom the link was made for.', max: 64 })
  for: string;

  @Int({
    description: 'Until when it can be used: seconds since the Unix epoch.',
    min: 0,
    max: 99_999_999_999,
  })
  expires: number;

  @Text({ description: 'Of all this.', min: SIGNATURE_LENGTH, max: SIGNATURE_LENGTH })
  signature: string;
}
