"""The modules, by their topics."""

from funcgrad.torch.nn.modules.activation import (
    CELU as CELU,
)
from funcgrad.torch.nn.modules.activation import (
    ELU as ELU,
)
from funcgrad.torch.nn.modules.activation import (
    GELU as GELU,
)
from funcgrad.torch.nn.modules.activation import (
    GLU as GLU,
)
from funcgrad.torch.nn.modules.activation import (
    SELU as SELU,
)
from funcgrad.torch.nn.modules.activation import (
    Hardshrink as Hardshrink,
)
from funcgrad.torch.nn.modules.activation import (
    Hardsigmoid as Hardsigmoid,
)
from funcgrad.torch.nn.modules.activation import (
    Hardswish as Hardswish,
)
from funcgrad.torch.nn.modules.activation import (
    Hardtanh as Hardtanh,
)
from funcgrad.torch.nn.modules.activation import (
    LeakyReLU as LeakyReLU,
)
from funcgrad.torch.nn.modules.activation import (
    LogSigmoid as LogSigmoid,
)
from funcgrad.torch.nn.modules.activation import (
    LogSoftmax as LogSoftmax,
)
from funcgrad.torch.nn.modules.activation import (
    Mish as Mish,
)
from funcgrad.torch.nn.modules.activation import (
    PReLU as PReLU,
)
from funcgrad.torch.nn.modules.activation import (
    ReLU as ReLU,
)
from funcgrad.torch.nn.modules.activation import (
    ReLU6 as ReLU6,
)
from funcgrad.torch.nn.modules.activation import (
    Sigmoid as Sigmoid,
)
from funcgrad.torch.nn.modules.activation import (
    SiLU as SiLU,
)
from funcgrad.torch.nn.modules.activation import (
    Softmax as Softmax,
)
from funcgrad.torch.nn.modules.activation import (
    Softmax2d as Softmax2d,
)
from funcgrad.torch.nn.modules.activation import (
    Softmin as Softmin,
)
from funcgrad.torch.nn.modules.activation import (
    Softplus as Softplus,
)
from funcgrad.torch.nn.modules.activation import (
    Softshrink as Softshrink,
)
from funcgrad.torch.nn.modules.activation import (
    Softsign as Softsign,
)
from funcgrad.torch.nn.modules.activation import (
    Tanh as Tanh,
)
from funcgrad.torch.nn.modules.activation import (
    Tanhshrink as Tanhshrink,
)
from funcgrad.torch.nn.modules.activation import (
    Threshold as Threshold,
)
from funcgrad.torch.nn.modules.attention import (
    MultiheadAttention as MultiheadAttention,
)
from funcgrad.torch.nn.modules.attention import (
    TransformerEncoder as TransformerEncoder,
)
from funcgrad.torch.nn.modules.attention import (
    TransformerEncoderLayer as TransformerEncoderLayer,
)
from funcgrad.torch.nn.modules.container import (
    ModuleDict as ModuleDict,
)
from funcgrad.torch.nn.modules.container import (
    ModuleList as ModuleList,
)
from funcgrad.torch.nn.modules.container import (
    ParameterDict as ParameterDict,
)
from funcgrad.torch.nn.modules.container import (
    ParameterList as ParameterList,
)
from funcgrad.torch.nn.modules.container import (
    Sequential as Sequential,
)
from funcgrad.torch.nn.modules.conv import (
    Conv1d as Conv1d,
)
from funcgrad.torch.nn.modules.conv import (
    Conv2d as Conv2d,
)
from funcgrad.torch.nn.modules.conv import (
    Conv3d as Conv3d,
)
from funcgrad.torch.nn.modules.conv import (
    ConvTranspose1d as ConvTranspose1d,
)
from funcgrad.torch.nn.modules.conv import (
    ConvTranspose2d as ConvTranspose2d,
)
from funcgrad.torch.nn.modules.conv import (
    ConvTranspose3d as ConvTranspose3d,
)
from funcgrad.torch.nn.modules.distance import (
    CosineSimilarity as CosineSimilarity,
)
from funcgrad.torch.nn.modules.distance import (
    PairwiseDistance as PairwiseDistance,
)
from funcgrad.torch.nn.modules.dropout import (
    AlphaDropout as AlphaDropout,
)
from funcgrad.torch.nn.modules.dropout import (
    Dropout as Dropout,
)
from funcgrad.torch.nn.modules.dropout import (
    Dropout1d as Dropout1d,
)
from funcgrad.torch.nn.modules.dropout import (
    Dropout2d as Dropout2d,
)
from funcgrad.torch.nn.modules.dropout import (
    Dropout3d as Dropout3d,
)
from funcgrad.torch.nn.modules.flatten import (
    Flatten as Flatten,
)
from funcgrad.torch.nn.modules.flatten import (
    Unflatten as Unflatten,
)
from funcgrad.torch.nn.modules.linear import (
    Bilinear as Bilinear,
)
from funcgrad.torch.nn.modules.linear import (
    Identity as Identity,
)
from funcgrad.torch.nn.modules.linear import (
    Linear as Linear,
)
from funcgrad.torch.nn.modules.loss import (
    BCELoss as BCELoss,
)
from funcgrad.torch.nn.modules.loss import (
    BCEWithLogitsLoss as BCEWithLogitsLoss,
)
from funcgrad.torch.nn.modules.loss import (
    CosineEmbeddingLoss as CosineEmbeddingLoss,
)
from funcgrad.torch.nn.modules.loss import (
    CrossEntropyLoss as CrossEntropyLoss,
)
from funcgrad.torch.nn.modules.loss import (
    GaussianNLLLoss as GaussianNLLLoss,
)
from funcgrad.torch.nn.modules.loss import (
    HingeEmbeddingLoss as HingeEmbeddingLoss,
)
from funcgrad.torch.nn.modules.loss import (
    HuberLoss as HuberLoss,
)
from funcgrad.torch.nn.modules.loss import (
    KLDivLoss as KLDivLoss,
)
from funcgrad.torch.nn.modules.loss import (
    L1Loss as L1Loss,
)
from funcgrad.torch.nn.modules.loss import (
    MarginRankingLoss as MarginRankingLoss,
)
from funcgrad.torch.nn.modules.loss import (
    MSELoss as MSELoss,
)
from funcgrad.torch.nn.modules.loss import (
    MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss,
)
from funcgrad.torch.nn.modules.loss import (
    MultiMarginLoss as MultiMarginLoss,
)
from funcgrad.torch.nn.modules.loss import (
    NLLLoss as NLLLoss,
)
from funcgrad.torch.nn.modules.loss import (
    PoissonNLLLoss as PoissonNLLLoss,
)
from funcgrad.torch.nn.modules.loss import (
    SmoothL1Loss as SmoothL1Loss,
)
from funcgrad.torch.nn.modules.loss import (
    SoftMarginLoss as SoftMarginLoss,
)
from funcgrad.torch.nn.modules.loss import (
    TripletMarginLoss as TripletMarginLoss,
)
from funcgrad.torch.nn.modules.loss import (
    TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss,
)
from funcgrad.torch.nn.modules.module import (
    Module as Module,
)
from funcgrad.torch.nn.modules.normalization import (
    BatchNorm1d as BatchNorm1d,
)
from funcgrad.torch.nn.modules.normalization import (
    BatchNorm2d as BatchNorm2d,
)
from funcgrad.torch.nn.modules.normalization import (
    BatchNorm3d as BatchNorm3d,
)
from funcgrad.torch.nn.modules.normalization import (
    GroupNorm as GroupNorm,
)
from funcgrad.torch.nn.modules.normalization import (
    InstanceNorm1d as InstanceNorm1d,
)
from funcgrad.torch.nn.modules.normalization import (
    InstanceNorm2d as InstanceNorm2d,
)
from funcgrad.torch.nn.modules.normalization import (
    InstanceNorm3d as InstanceNorm3d,
)
from funcgrad.torch.nn.modules.normalization import (
    LayerNorm as LayerNorm,
)
from funcgrad.torch.nn.modules.normalization import (
    RMSNorm as RMSNorm,
)
from funcgrad.torch.nn.modules.padding import (
    CircularPad1d as CircularPad1d,
)
from funcgrad.torch.nn.modules.padding import (
    CircularPad2d as CircularPad2d,
)
from funcgrad.torch.nn.modules.padding import (
    CircularPad3d as CircularPad3d,
)
from funcgrad.torch.nn.modules.padding import (
    ConstantPad1d as ConstantPad1d,
)
from funcgrad.torch.nn.modules.padding import (
    ConstantPad2d as ConstantPad2d,
)
from funcgrad.torch.nn.modules.padding import (
    ConstantPad3d as ConstantPad3d,
)
from funcgrad.torch.nn.modules.padding import (
    ReflectionPad1d as ReflectionPad1d,
)
from funcgrad.torch.nn.modules.padding import (
    ReflectionPad2d as ReflectionPad2d,
)
from funcgrad.torch.nn.modules.padding import (
    ReflectionPad3d as ReflectionPad3d,
)
from funcgrad.torch.nn.modules.padding import (
    ReplicationPad1d as ReplicationPad1d,
)
from funcgrad.torch.nn.modules.padding import (
    ReplicationPad2d as ReplicationPad2d,
)
from funcgrad.torch.nn.modules.padding import (
    ReplicationPad3d as ReplicationPad3d,
)
from funcgrad.torch.nn.modules.padding import (
    ZeroPad1d as ZeroPad1d,
)
from funcgrad.torch.nn.modules.padding import (
    ZeroPad2d as ZeroPad2d,
)
from funcgrad.torch.nn.modules.padding import (
    ZeroPad3d as ZeroPad3d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveAvgPool1d as AdaptiveAvgPool1d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveAvgPool2d as AdaptiveAvgPool2d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveAvgPool3d as AdaptiveAvgPool3d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveMaxPool1d as AdaptiveMaxPool1d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveMaxPool2d as AdaptiveMaxPool2d,
)
from funcgrad.torch.nn.modules.pooling import (
    AdaptiveMaxPool3d as AdaptiveMaxPool3d,
)
from funcgrad.torch.nn.modules.pooling import (
    AvgPool1d as AvgPool1d,
)
from funcgrad.torch.nn.modules.pooling import (
    AvgPool2d as AvgPool2d,
)
from funcgrad.torch.nn.modules.pooling import (
    AvgPool3d as AvgPool3d,
)
from funcgrad.torch.nn.modules.pooling import (
    MaxPool1d as MaxPool1d,
)
from funcgrad.torch.nn.modules.pooling import (
    MaxPool2d as MaxPool2d,
)
from funcgrad.torch.nn.modules.pooling import (
    MaxPool3d as MaxPool3d,
)
from funcgrad.torch.nn.modules.rnn import (
    GRU as GRU,
)
from funcgrad.torch.nn.modules.rnn import (
    LSTM as LSTM,
)
from funcgrad.torch.nn.modules.rnn import (
    RNN as RNN,
)
from funcgrad.torch.nn.modules.rnn import (
    GRUCell as GRUCell,
)
from funcgrad.torch.nn.modules.rnn import (
    LSTMCell as LSTMCell,
)
from funcgrad.torch.nn.modules.rnn import (
    RNNBase as RNNBase,
)
from funcgrad.torch.nn.modules.rnn import (
    RNNCell as RNNCell,
)
from funcgrad.torch.nn.modules.rnn import (
    RNNCellBase as RNNCellBase,
)
from funcgrad.torch.nn.modules.sparse import (
    Embedding as Embedding,
)
from funcgrad.torch.nn.modules.upsampling import (
    Fold as Fold,
)
from funcgrad.torch.nn.modules.upsampling import (
    PixelShuffle as PixelShuffle,
)
from funcgrad.torch.nn.modules.upsampling import (
    PixelUnshuffle as PixelUnshuffle,
)
from funcgrad.torch.nn.modules.upsampling import (
    Unfold as Unfold,
)
from funcgrad.torch.nn.modules.upsampling import (
    Upsample as Upsample,
)
from funcgrad.torch.nn.modules.upsampling import (
    UpsamplingBilinear2d as UpsamplingBilinear2d,
)
from funcgrad.torch.nn.modules.upsampling import (
    UpsamplingNearest2d as UpsamplingNearest2d,
)
