import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

import { TIMESTAMP } from '#platform/database/base.columns.js';

@Entity('organizations')
@Index('organizations_one_default', ['isDefault'], { unique: true, where: 'is_default' })
export class OrganizationEntity {
  @PrimaryColumn('text')
  id: string;

  @Column('text')
  name: string;

  @Column({ name: 'is_default', type: 'boolean', default: false })
  isDefault: boolean;

  @Column({ name: 'created_at', ...TIMESTAMP, default: () => 'now()' })
  createdAt: Date;
}
