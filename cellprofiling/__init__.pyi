# The face, in the order data meets it; read at run time to import each name when it is first used.
from . import plot as plot
from .io.tables import read_profiles as read_profiles
from .io.tables import write_profiles as write_profiles
from .io.cells import open_cells as open_cells
from .io.platemaps import read_platemap as read_platemap
from .core.names import parse_features as parse_features
from .core.ledger import ledger as ledger
from .cells.aggregation import aggregate as aggregate
from .profiles.annotation import annotate as annotate
from .profiles.normalization import normalize as normalize
from .profiles.normalization import fit_normalization as fit_normalization
from .profiles.normalization import load_fit as load_fit
from .profiles.selection import select_features as select_features
from .profiles.selection import explain_selection as explain_selection
from .profiles.consensus import consensus as consensus
from .explore.embedding import embed as embed
from .explore.similarity import similarity as similarity
from .hits.precision import average_precision as average_precision
from .hits.activity import activity as activity
from .hits.audit import audit_controls as audit_controls
from .hits.ranking import rank_hits as rank_hits
from .quality.checks import check_quality as check_quality
from .report.render import write_report as write_report
from .simulate.screen import simulate_screen as simulate_screen

__version__: str
