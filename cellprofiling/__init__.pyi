# The face, by the question a verb answers; read at run time to import each name when it is first used, and by
# `verbs`, which gives the page of the docs that stands behind each name.

# --- finding your way ---
from .guide.verb_table import verbs as verbs  # api
from .guide.method_tables import methods as methods  # methods
from .door.description import describe as describe  # what_is_what
from .core.names import parse_features as parse_features  # formats
from .core.ledgers import ledger as ledger  # concepts

# --- files ---
from .io.tables import read_profiles as read_profiles  # formats
from .io.tables import write_profiles as write_profiles  # formats
from .io.platemaps import read_platemap as read_platemap  # formats
from .io.exchange.anndata import to_anndata as to_anndata  # formats
from .io.exchange.anndata import from_anndata as from_anndata  # formats
from .io.exchange.mudata import to_mudata as to_mudata  # modalities
from .io.exchange.mudata import from_mudata as from_mudata  # modalities
from .io.hit_lists import write_hits as write_hits  # hits

# --- reading and cells ---
from .io.cells import open_cells as open_cells  # formats
from .cells.flags.cell_flags import flag_cells as flag_cells  # cell_quality
from .cells.objects import count_objects as count_objects  # context
from .cells.place.neighborhood import measure_neighborhood as measure_neighborhood  # context
from .cells.place.spatial import measure_clustering as measure_clustering  # context
from .cells.place.context import correct_context as correct_context  # context
from .cells.aggregation import aggregate as aggregate  # large_screens
from .cells.fingerprint.fingerprints import fingerprint as fingerprint  # fingerprints
from .jobs.aggregation import aggregate_plates as aggregate_plates  # large_screens
from .jobs.gather import gather_plates as gather_plates  # large_screens
from .cells.cycle.phases import cell_cycle as cell_cycle  # responders
from .cells.cycle.shares import cell_cycle_shares as cell_cycle_shares  # responders
from .cells.kinds.subpopulation_shares import subpopulations as subpopulations  # responders
from .cells.kinds.composition import compare_subpopulations as compare_subpopulations  # responders
from .cells.kinds.responder_fractions import responders as responders  # responders
from .cells.kinds.exemplar_cells import exemplars as exemplars  # responders

# --- wells to profiles ---
from .profiles.annotation import annotate as annotate  # getting_started
from .profiles.normalization.normalization import normalize as normalize  # normalization
from .profiles.normalization.normalization import fit_normalization as fit_normalization  # normalization
from .profiles.fits import load_fit as load_fit  # normalization
from .profiles.selection.selection import select_features as select_features  # selection
from .profiles.selection.selection import fit_selection as fit_selection  # selection
from .profiles.selection.selection import explain_selection as explain_selection  # selection
from .profiles.consensus_profiles import consensus as consensus  # selection
from .profiles.pipeline.pipeline import run_steps as run_steps  # presets
from .profiles.pipeline.presets import preset as preset  # presets

# --- correcting ---
from .profiles.position.position_audit import audit_position as audit_position  # position
from .profiles.position.plate_effects import correct_position as correct_position  # position
from .profiles.covariates import regress_out as regress_out  # position
from .profiles.whitening import whiten as whiten  # batch
from .profiles.whitening import fit_whitening as fit_whitening  # batch
from .profiles.batch.correction import correct_batch as correct_batch  # batch
from .profiles.batch.correction import fit_batch_correction as fit_batch_correction  # batch
from .profiles.comparison.comparison import compare_corrections as compare_corrections  # which_correction

# --- looking ---
from .explore.embedding import embed as embed  # gallery
from .explore.clustering import cluster as cluster  # clusters
from .explore.enrichment import enrich as enrich  # clusters
from .explore.similarities import similarity as similarity  # mechanism
from .explore.variance import variance_budget as variance_budget  # clusters
from .explore.modalities import compare_modalities as compare_modalities  # modalities
from . import plot as plot  # gallery

# --- hits ---
from .hits.calling.activities import activity as activity  # hits
from .hits.ranking import rank_hits as rank_hits  # hits
from .hits.calling.control_audit import audit_controls as audit_controls  # hits
from .hits.retrieval.precision import average_precision as average_precision  # hits
from .hits.retrieval.distinct_profiles import distinctiveness as distinctiveness  # hits
from .hits.retrieval.label_consistency import consistency as consistency  # hits
from .hits.retrieval.replicates import percent_replicating as percent_replicating  # hits
from .hits.audits.layout_audit import audit_layout as audit_layout  # hits
from .hits.audits.label_audit import audit_labels as audit_labels  # hits

# --- doses ---
from .hits.doses.dose_fits import fit_doses as fit_doses  # doses
from .hits.doses.dose_fits import dose_responses as dose_responses  # doses
from .hits.doses.titration import titration_similarity as titration_similarity  # doses

# --- explaining ---
from .hits.explanation.features import compare_features as compare_features  # features
from .hits.explanation.explanations import explain as explain  # explain
from .hits.explanation.summaries import summarize_hits as summarize_hits  # explain
from .hits.explanation.embeddings import explain_embedding as explain_embedding  # explain
from .hits.retrieval.mechanism import predict_mechanism as predict_mechanism  # mechanism
from .hits.retrieval.neighborhoods import enrich_neighbors as enrich_neighbors  # mechanism
from .hits.retrieval.grit_scores import grit as grit  # mechanism
from .hits.retrieval.relations import relation_recall as relation_recall  # mechanism

# --- quality and report ---
from .quality.screen_quality import check_quality as check_quality  # quality
from .report.render import write_report as write_report  # report
from .report.comparison import write_comparison as write_comparison  # which_correction

# --- power and truth ---
from .power.power_plan import plan_power as plan_power  # power
from .simulate.screen import simulate_screen as simulate_screen  # simulation

__version__: str
