import type { ExportFormat } from '../domain/audit-export.js';
import { csvEncoder } from './csv.encoder.js';
import type { ExportEncoder } from './export-encoder.js';
import { jsonEncoder, ndjsonEncoder } from './json.encoders.js';
import { parquetEncoder } from './parquet.encoder.js';

export const ENCODERS: Readonly<Record<ExportFormat, () => ExportEncoder>> = {
  csv: csvEncoder,
  json: jsonEncoder,
  ndjson: ndjsonEncoder,
  parquet: parquetEncoder,
};
