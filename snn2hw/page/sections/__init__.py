"""One module per question of the report; each makes its `Section` of the material."""
