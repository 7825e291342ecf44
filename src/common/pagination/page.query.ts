import { Int, Text } from '#common/validation/fields.js';

import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE } from './cursor.js';

export class PageQuery {
  @Int({
    description: `How many items to answer, ${DEFAULT_PAGE_SIZE} unless said.`,
    min: 1,
    max: MAX_PAGE_SIZE,
    optional: true,
  })
  limit: number = DEFAULT_PAGE_SIZE;

  @Text({ description: 'The `next_cursor` of the page before.', max: 128, optional: true })
  cursor?: string;
}
