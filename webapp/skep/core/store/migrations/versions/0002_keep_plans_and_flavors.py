"""Keep plans and flavors.

Where an instance is was explained in its own row; now its plan is kept, which explains it.
"""

from alembic import op
import sqlalchemy as sa

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('flavor',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('cores', sa.Integer(), nullable=False),
    sa.Column('memory_mib', sa.Integer(), nullable=False),
    sa.Column('disk_gib', sa.Integer(), nullable=True),
    sa.Column('needs', sa.JSON(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_flavor')),
    sa.UniqueConstraint('name', name=op.f('uq_flavor_name'))
    )
    op.create_table('instance_group',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=64), nullable=False),
    sa.Column('policy', sa.String(length=24), nullable=False),
    sa.Column('max_per_cell', sa.Integer(), nullable=True),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_instance_group')),
    sa.UniqueConstraint('name', name=op.f('uq_instance_group_name'))
    )
    op.create_table('roster',
    sa.Column('digest', sa.String(length=64), nullable=False),
    sa.Column('content', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('digest', name=op.f('pk_roster'))
    )
    op.create_table('plan',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('document', sa.JSON(), nullable=False),
    sa.Column('varying', sa.LargeBinary(), nullable=False),
    sa.Column('roster_digest', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['roster_digest'], ['roster.digest'], name=op.f('fk_plan_roster_digest')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_plan'))
    )
    with op.batch_alter_table('plan', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_plan_roster_digest'), ['roster_digest'], unique=False)

    op.create_table('instance_group_member',
    sa.Column('group_id', sa.String(length=36), nullable=False),
    sa.Column('instance_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['group_id'], ['instance_group.id'], name=op.f('fk_instance_group_member_group_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['instance_id'], ['instance.id'], name=op.f('fk_instance_group_member_instance_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('group_id', 'instance_id', name=op.f('pk_instance_group_member'))
    )
    with op.batch_alter_table('instance_group_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_instance_group_member_instance_id'), ['instance_id'], unique=False)

    with op.batch_alter_table('cell', schema=None) as batch_op:
        batch_op.add_column(sa.Column('reserved_cores', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('reserved_memory_mib', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('reserved_disk_gib', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('max_instances', sa.Integer(), nullable=False, server_default='0'))
        batch_op.add_column(sa.Column('tags', sa.JSON(), nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('labels', sa.JSON(), nullable=False, server_default='{}'))
        batch_op.add_column(sa.Column('capabilities', sa.JSON(), nullable=False, server_default='{}'))

    with op.batch_alter_table('instance', schema=None) as batch_op:
        batch_op.add_column(sa.Column('target_id', sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column('plan_id', sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column('owner', sa.String(length=64), nullable=False, server_default=''))
        batch_op.add_column(sa.Column('flavor', sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f('ix_instance_target_id'), ['target_id'], unique=False)
        batch_op.create_foreign_key(
            batch_op.f('fk_instance_target_id'), 'cell', ['target_id'], ['id']
        )
        batch_op.create_index(batch_op.f('ix_instance_plan_id'), ['plan_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_instance_plan_id'), 'plan', ['plan_id'], ['id'])
        batch_op.drop_column('explanation')

    with op.batch_alter_table('pool', schema=None) as batch_op:
        batch_op.add_column(sa.Column('policy', sa.String(length=16), nullable=False, server_default='spread'))
        batch_op.add_column(sa.Column('multipliers', sa.JSON(), nullable=False, server_default='{}'))
        batch_op.add_column(sa.Column('load_limit', sa.Double(), nullable=True))
        batch_op.add_column(sa.Column('io_limit', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('max_instances', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('turn', sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column('plan_generation', sa.Integer(), nullable=False, server_default='1'))

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('pool_id', sa.String(length=36), nullable=True))
        batch_op.add_column(sa.Column('request', sa.JSON(), nullable=False, server_default='{}'))
        batch_op.create_index(batch_op.f('ix_reservation_created_at'), ['created_at'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_reservation_pool_id'), 'pool', ['pool_id'], ['id'], ondelete='SET NULL')


def downgrade() -> None:
    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('fk_reservation_pool_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_reservation_created_at'))
        batch_op.drop_column('request')
        batch_op.drop_column('pool_id')

    with op.batch_alter_table('pool', schema=None) as batch_op:
        batch_op.drop_column('plan_generation')
        batch_op.drop_column('turn')
        batch_op.drop_column('max_instances')
        batch_op.drop_column('io_limit')
        batch_op.drop_column('load_limit')
        batch_op.drop_column('multipliers')
        batch_op.drop_column('policy')

    with op.batch_alter_table('instance', schema=None) as batch_op:
        batch_op.add_column(sa.Column('explanation', sa.JSON(), nullable=False, server_default='{}'))
        batch_op.drop_constraint(batch_op.f('fk_instance_plan_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_instance_plan_id'))
        batch_op.drop_column('flavor')
        batch_op.drop_column('owner')
        batch_op.drop_column('plan_id')
        batch_op.drop_constraint(batch_op.f('fk_instance_target_id'), type_='foreignkey')
        batch_op.drop_index(batch_op.f('ix_instance_target_id'))
        batch_op.drop_column('target_id')

    with op.batch_alter_table('cell', schema=None) as batch_op:
        batch_op.drop_column('capabilities')
        batch_op.drop_column('labels')
        batch_op.drop_column('tags')
        batch_op.drop_column('max_instances')
        batch_op.drop_column('reserved_disk_gib')
        batch_op.drop_column('reserved_memory_mib')
        batch_op.drop_column('reserved_cores')

    with op.batch_alter_table('instance_group_member', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_instance_group_member_instance_id'))

    op.drop_table('instance_group_member')
    with op.batch_alter_table('plan', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_plan_roster_digest'))

    op.drop_table('plan')
    op.drop_table('roster')
    op.drop_table('instance_group')
    op.drop_table('flavor')
