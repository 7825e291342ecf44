import { DataSource } from 'typeorm';

import { Secret } from '#common/secret/secret.js';
import { dataSourceOptions } from '#platform/database/data-source.js';

/** The data source of TypeORM's command line, run on the compiled file: `npm run migration:check`. */
export default new DataSource({
  ...dataSourceOptions(new Secret(process.env.DATABASE_URL ?? '')),
  entities: [`${import.meta.dirname}/src/modules/**/*.entity.js`],
});
